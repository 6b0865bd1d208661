/** Texts that the server gives away and takes back unchanged: authenticated, and bound to what they were given for. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { WeirError } from "./errors.ts";

export interface Seal {
  /** `context`: whatever must be the same when the text comes back; plain JSON. */
  close(body: Uint8Array, context: unknown): string;
  /**
   * The body of a sealed text.
   *
   * @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN
   */
  open(sealed: string, context: unknown): Buffer;
}

export interface SealOptions {
  readonly secret: Uint8Array;
  /** Keeps texts of one kind from being taken for those of another. */
  readonly purpose: string;
  /** Field of the request in which they come back. */
  readonly field: string;
  /** What is said of one that does not fit. */
  readonly refusal: string;
}

const macBytes = 16;

export function createSeal({ secret, purpose, field, refusal }: SealOptions): Seal {
  const mac = (body: Uint8Array, context: unknown) => {
    const asked = createHash("sha256").update(JSON.stringify(context)).digest();
    return createHmac("sha256", secret)
      .update(purpose)
      .update(asked)
      .update(body)
      .digest()
      .subarray(0, macBytes);
  };
  return {
    close: (body, context) => Buffer.concat([mac(body, context), body]).toString("base64url"),
    open(sealed, context) {
      const bytes = Buffer.from(sealed, "base64url");
      const body = bytes.subarray(macBytes);
      if (body.length === 0 || !timingSafeEqual(mac(body, context), bytes.subarray(0, macBytes))) {
        throw invalidToken(field, refusal);
      }
      return body;
    },
  };
}

export function invalidToken(field: string, message: string): WeirError {
  return new WeirError("INVALID_ARGUMENT", "INVALID_TOKEN", `${field}: ${message}`, {
    violations: [{ field, ruleId: "token", message }],
  });
}
