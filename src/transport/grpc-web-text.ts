/** gRPC-Web in base64, which connect-es does not speak: unwrapped before it and wrapped behind it. */
import { WeirError } from "../domain/errors.ts";

export const textContentType = "application/grpc-web-text+proto";

/** The bytes of base64 text that may come as several encodings one after the other, each with its padding. */
export async function* fromBase64(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  let rest = "";
  for await (const chunk of chunks) {
    const text = rest + Buffer.from(chunk).toString("latin1").replace(/\s+/g, "");
    const whole = text.length - (text.length % 4);
    rest = text.slice(whole);
    if (whole > 0) yield decode(text.slice(0, whole));
  }
  if (rest !== "") yield decode(rest);
}

function decode(text: string): Uint8Array {
  // Padding in the middle ends one encoding and begins the next.
  const parts = text.match(/[^=]+={0,2}/g) ?? [];
  if (parts.join("") !== text || parts.some((part) => !/^[A-Za-z0-9+/]+={0,2}$/.test(part))) {
    throw new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", "the body is no base64");
  }
  return Buffer.concat(parts.map((part) => Buffer.from(part, "base64")));
}

/** Each chunk as base64 with its own padding, so that a message is readable as soon as it has come. */
export async function* toBase64(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) yield Buffer.from(Buffer.from(chunk).toString("base64"), "latin1");
}
