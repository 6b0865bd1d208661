/**
 * Texts that the server gives away and takes back unchanged: encrypted, authenticated, and bound to what they were given
 * for. What is in them, such as the ends of the log, counts what others send. Their length shows: bodies are as long
 * whatever they say that is not their reader's.
 */
import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createHmac,
  createSecretKey,
  hkdfSync,
  randomFillSync,
  timingSafeEqual,
} from "node:crypto";
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

const cipher = "aes-256-gcm";
/** First byte of a text: version, nonce, ciphertext and tag follow each other. */
const version = 1;
const nonceBytes = 12;
const tagBytes = 16;
const overheadBytes = 1 + nonceBytes + tagBytes;

export function createSeal({ secret, purpose, field, refusal }: SealOptions): Seal {
  const key = createSecretKey(Buffer.from(hkdfSync("sha256", secret, "", `weir ${purpose}`, 32)));
  const signed = createSigned(secret, purpose);

  function decrypted(bytes: Buffer, context: unknown): Buffer | undefined {
    if (bytes[0] !== version || bytes.length <= overheadBytes) return undefined;
    const nonce = bytes.subarray(1, 1 + nonceBytes);
    const opening = createDecipheriv(cipher, key, nonce, { authTagLength: tagBytes });
    opening.setAAD(boundTo(context)).setAuthTag(bytes.subarray(-tagBytes));
    const body = opening.update(bytes.subarray(1 + nonceBytes, -tagBytes));
    try {
      opening.final();
      return body;
    } catch {
      return undefined;
    }
  }

  return {
    close(body, context) {
      const nonce = nextNonce();
      const closing = createCipheriv(cipher, key, nonce, { authTagLength: tagBytes });
      closing.setAAD(boundTo(context));
      const sealed = closing.update(body);
      closing.final();
      return Buffer.concat([Uint8Array.of(version), nonce, sealed, closing.getAuthTag()]).toString(
        "base64url",
      );
    },
    open(sealed, context) {
      const bytes = Buffer.from(sealed, "base64url");
      // One that was only signed begins with any byte.
      const body = decrypted(bytes, context) ?? signed(bytes, context);
      if (body === undefined) throw invalidToken(field, refusal);
      return body;
    },
  };
}

function boundTo(context: unknown): Buffer {
  return Buffer.from(JSON.stringify(context));
}

/** Random ones are made many at a time: one by one they would cost as much as the rest. */
const nonces = Buffer.alloc(512 * nonceBytes);
let nextAt = nonces.length;

/** Random: of 2^40 texts of one secret and purpose two share one with a probability of 1 in 100,000. */
function nextNonce(): Buffer {
  if (nextAt === nonces.length) {
    randomFillSync(nonces);
    nextAt = 0;
  }
  nextAt += nonceBytes;
  return nonces.subarray(nextAt - nonceBytes, nextAt);
}

/** Opens what the server gave away before its texts were encrypted: a MAC and the body as it is. */
function createSigned(secret: Uint8Array, purpose: string) {
  const macBytes = 16;
  return (bytes: Buffer, context: unknown): Buffer | undefined => {
    const body = bytes.subarray(macBytes);
    if (body.length === 0) return undefined;
    const asked = createHash("sha256").update(boundTo(context)).digest();
    const mac = createHmac("sha256", secret).update(purpose).update(asked).update(body).digest();
    return timingSafeEqual(mac.subarray(0, macBytes), bytes.subarray(0, macBytes)) ? body : undefined;
  };
}

export function invalidToken(field: string, message: string): WeirError {
  return new WeirError("INVALID_ARGUMENT", "INVALID_TOKEN", `${field}: ${message}`, {
    violations: [{ field, ruleId: "token", message }],
  });
}
