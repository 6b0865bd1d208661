import { createWriteStream } from "node:fs";
import { rename, rm } from "node:fs/promises";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { ConnectError } from "@connectrpc/connect";
import { UsageError } from "../command.ts";

/**
 * Writes bytes to a file, which gets its name once all of them are there, or to standard output for `-`. What ends with
 * .gz is gzipped.
 *
 * @throws UsageError where the file cannot be written; what the bytes themselves throw
 */
export async function writeWhole(
  bytes: AsyncIterable<Uint8Array>,
  path: string,
  stdout: Writable,
): Promise<void> {
  const source = Readable.from(bytes, { objectMode: false });
  if (path === "-") return pipeline(source, stdout, { end: false });
  const part = `${path}.part`;
  try {
    const file = createWriteStream(part);
    await (path.endsWith(".gz") ? pipeline(source, createGzip(), file) : pipeline(source, file));
    await rename(part, path);
  } catch (error) {
    await rm(part, { force: true });
    if (error instanceof ConnectError) throw error;
    throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
