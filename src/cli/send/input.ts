import { createReadStream } from "node:fs";
import { stat } from "node:fs/promises";
import { pipeline, Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { UsageError } from "../command.ts";

export interface Input {
  /** The text's bytes, unpacked, in pieces. */
  readonly chunks: AsyncIterable<Buffer>;
  /** Bytes read so far, packed. */
  readBytes(): number;
  /** Bytes there are, packed; undefined where that is not known. */
  readonly totalBytes: number | undefined;
}

const gzipMagic = [0x1f, 0x8b];

/**
 * Opens a file, or standard input for `-`. What begins with gzip's two magic bytes is unpacked, whatever its name.
 *
 * @throws UsageError where the file cannot be read
 */
export async function openInput(path: string, stdin: Readable): Promise<Input> {
  const totalBytes = path === "-" ? undefined : await sizeOf(path);
  const raw: AsyncIterable<Buffer> = path === "-" ? stdin : createReadStream(path);
  let readBytes = 0;
  async function* counted() {
    for await (const chunk of raw) {
      readBytes += chunk.length;
      yield chunk;
    }
  }
  return { chunks: unpacked(counted()), readBytes: () => readBytes, totalBytes };
}

async function sizeOf(path: string): Promise<number> {
  const found = await stat(path).catch((error: NodeJS.ErrnoException) => {
    throw new UsageError(`cannot read ${path}: ${error.code === "ENOENT" ? "no such file" : error.message}`);
  });
  if (found.isDirectory()) throw new UsageError(`cannot read ${path}: it is a directory`);
  return found.size;
}

async function* unpacked(chunks: AsyncGenerator<Buffer>): AsyncGenerator<Buffer> {
  let head = Buffer.alloc(0);
  while (head.length < gzipMagic.length) {
    const next = await chunks.next();
    if (next.done) break;
    head = Buffer.concat([head, next.value]);
  }
  async function* whole() {
    if (head.length > 0) yield head;
    yield* chunks;
  }
  if (!gzipMagic.every((byte, i) => head[i] === byte)) {
    yield* whole();
    return;
  }
  const gunzip = createGunzip();
  // A failure of either end destroys gunzip, which ends the iteration below with that failure.
  pipeline(Readable.from(whole(), { objectMode: false }), gunzip, () => {});
  yield* allBeforeFailure(gunzip);
}

/** The stream's pieces. Its own iterator drops what waits to be read when the stream fails; this one gives that first. */
async function* allBeforeFailure(stream: Readable): AsyncGenerator<Buffer> {
  let wake = () => {};
  for (const event of ["readable", "end", "error"]) stream.on(event, () => wake());
  try {
    for (;;) {
      const chunk: Buffer | null = stream.read();
      if (chunk !== null) yield chunk;
      else if (stream.errored) throw stream.errored;
      else if (stream.readableEnded) return;
      else await new Promise<void>((resolve) => (wake = resolve));
    }
  } finally {
    stream.destroy();
  }
}
