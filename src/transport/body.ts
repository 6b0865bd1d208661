/** Reads request bodies within a limit, decompressing gzip. */
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { WeirError } from "../domain/errors.ts";
import { unsupported } from "./routes.ts";

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
 * @param onGrowth told of bytes beyond those that came, as they are unpacked; what it throws ends the unpacking
 * @throws WeirError RESOURCE_EXHAUSTED/BODY_TOO_LARGE, MALFORMED_BODY, UNSUPPORTED_MEDIA_TYPE
 */
export async function readBody(
  chunks: AsyncIterable<Uint8Array>,
  header: (name: string) => string | undefined,
  maxBytes: number,
  onGrowth: (bytes: number) => void,
): Promise<Uint8Array> {
  const encoding = header("content-encoding")?.trim().toLowerCase() ?? "identity";
  if (encoding !== "identity" && encoding !== "gzip") {
    throw unsupported(`content encoding ${encoding} is not gzip`);
  }
  // What is stated to be too much is not waited for.
  if (Number(header("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const bytes = await collect(chunks, maxBytes);
  return encoding === "gzip" && bytes.length > 0 ? inflate(bytes, maxBytes, onGrowth) : bytes;
}

/** A gzipped body, unpacked, as one piece. @throws WeirError as readBody */
export async function* unpacked(
  chunks: AsyncIterable<Uint8Array>,
  maxBytes: number,
  onGrowth: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  yield await readBody(chunks, gzipHeader, maxBytes, onGrowth);
}

const gzipHeader = (name: string) => (name === "content-encoding" ? "gzip" : undefined);

async function collect(chunks: AsyncIterable<Uint8Array>, maxBytes: number): Promise<Uint8Array> {
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of chunks) {
    size += chunk.length;
    if (size > maxBytes) throw tooLarge(maxBytes);
    parts.push(chunk);
  }
  return parts.length === 1 ? parts[0]! : Buffer.concat(parts, size);
}

/**
 * Unpacks gzip piece by piece, so that a little that becomes much is refused before it has.
 *
 * @param onGrowth as of readBody
 * @throws WeirError BODY_TOO_LARGE, MALFORMED_BODY
 */
export function inflate(
  bytes: Uint8Array,
  maxBytes: number,
  onGrowth: (bytes: number) => void,
): Promise<Uint8Array> {
  return new Promise((resolve, reject) => {
    const parts: Uint8Array[] = [];
    let size = 0;
    /** Bytes that are accounted for. */
    let known = bytes.length;
    const gunzip = createGunzip();
    const fail = (error: unknown) => {
      gunzip.destroy();
      reject(error);
    };
    gunzip.on("data", (piece: Uint8Array) => {
      size += piece.length;
      if (size > maxBytes) return fail(tooLarge(maxBytes));
      try {
        if (size > known) onGrowth(size - known);
      } catch (error) {
        return fail(error);
      }
      known = Math.max(known, size);
      parts.push(piece);
    });
    gunzip.once("end", () => resolve(Buffer.concat(parts, size)));
    gunzip.once("error", (cause) => {
      fail(new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", "the body is no gzip", { cause }));
    });
    gunzip.end(bytes);
  });
}

function tooLarge(maxBytes: number): WeirError {
  const message = `the body is larger than ${maxBytes} bytes after decompression`;
  return new WeirError("RESOURCE_EXHAUSTED", "BODY_TOO_LARGE", message);
}
