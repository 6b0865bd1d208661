/** Texts that the server gives away and takes back unchanged: authenticated, and bound to what they were given for. */
import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { WeirError } from "../domain/errors.ts";

export interface Seal {
  /** `context`: whatever must be the same when the text comes back; plain JSON. */
  close(body: Uint8Array, context: unknown): string;
  /**
   * The body of a sealed text.
   *
   * @param field of the request in which it came
   * @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN
   */
  open(sealed: string, context: unknown, field: string): Buffer;
}

const macBytes = 16;

/** `purpose`: keeps texts of one kind from being taken for those of another. */
export function createSeal(secret: Uint8Array, purpose: string): Seal {
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
    open(sealed, context, field) {
      const bytes = Buffer.from(sealed, "base64url");
      const body = bytes.subarray(macBytes);
      if (body.length === 0 || !timingSafeEqual(mac(body, context), bytes.subarray(0, macBytes))) {
        const message = "it was not given for this question: all other fields must be as they were";
        throw new WeirError("INVALID_ARGUMENT", "INVALID_TOKEN", `${field}: ${message}`, {
          violations: [{ field, ruleId: "token", message }],
        });
      }
      return body;
    },
  };
}
