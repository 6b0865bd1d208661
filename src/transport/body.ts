/** Reads request bodies within a limit, decompressing gzip. */
import type { Readable } from "node:stream";
import { promisify } from "node:util";
import { gunzip } from "node:zlib";
import { WeirError } from "../domain/errors.ts";
import { unsupported } from "./routes.ts";

const decompress = promisify(gunzip);

/** The chunks of a body; leaving early leaves the rest unread, and the connection as it is. */
export async function* readChunks(source: Readable): AsyncGenerator<Uint8Array> {
  try {
    for await (const chunk of source.iterator({ destroyOnReturn: false })) yield chunk as Uint8Array;
  } catch (cause) {
    throw new WeirError("CANCELLED", "CANCELLED", "the caller went away before the body had come", { cause });
  }
}

/**
 * The whole body, decompressed.
 *
 * @throws WeirError RESOURCE_EXHAUSTED/BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE
 */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  header: (name: string) => string | undefined,
  maxBytes: number,
): Promise<Uint8Array> {
  const encoding = header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw unsupported(`content encoding ${encoding} is not gzip`);
  }
  // What is stated to be too much is not waited for.
  if (Number(header("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(chunk);
  }
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
  return encoding === "gzip" && size > 0 ? inflate(bytes, maxBytes) : bytes;
}

async function inflate(bytes: Uint8Array, maxBytes: number): Promise<Uint8Array> {
  try {
    return await decompress(bytes, { maxOutputLength: maxBytes });
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === "ERR_BUFFER_TOO_LARGE") throw tooLarge(maxBytes);
    throw new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", "the body is no gzip", { cause });
  }
}

function tooLarge(maxBytes: number): WeirError {
  const message = `the body is larger than ${maxBytes} bytes after decompression`;
  return new WeirError("RESOURCE_EXHAUSTED", "BODY_TOO_LARGE", message);
}
