/** The Native format: blocks of columns, decoded as they come. */
import { type ColumnReader, columnReader, type NativeColumn } from "./column.ts";
import { Cursor, Short } from "./cursor.ts";

export interface NativeBlock {
  readonly rowCount: number;
  readonly columns: readonly NativeColumn[];
}

/** Bytes of one block; the server makes blocks of some MB. */
const maxBlockBytes = 512 * 1024 ** 2;
const maxColumns = 1000;

/**
 * Blocks of a stream, each once it is whole; memory is that of a block. The server writes an error that comes late among
 * the blocks, where it is none.
 *
 * @throws Error where the stream holds anything but whole blocks
 */
export async function* nativeBlocks(stream: AsyncIterable<Buffer>): AsyncGenerator<NativeBlock> {
  let pieces: Buffer[] = [];
  let have = 0;
  /** How many bytes to wait for: reading a block in vain costs as much as reading it. */
  let wanted = 1;
  for await (const piece of stream) {
    pieces.push(piece);
    have += piece.length;
    if (have < wanted) continue;
    let rest = pieces.length === 1 ? piece : Buffer.concat(pieces);
    for (;;) {
      const read = readBlock(rest);
      if (read === undefined) break;
      yield read.block;
      rest = rest.subarray(read.bytes);
    }
    if (rest.length > maxBlockBytes) throw new RangeError(`a block has more than ${maxBlockBytes} bytes`);
    pieces = [rest];
    have = rest.length;
    wanted = Math.max(1, 2 * have);
  }
  let rest = Buffer.concat(pieces);
  while (rest.length > 0) {
    const read = readBlock(rest);
    if (read === undefined) throw new Error(`the answer ends within a block: ${excerpt(rest)}`);
    yield read.block;
    rest = rest.subarray(read.bytes);
  }
}

/** The first block of the bytes; undefined where it is not whole yet. */
function readBlock(bytes: Buffer): { block: NativeBlock; bytes: number } | undefined {
  if (bytes.length === 0) return undefined;
  const cursor = new Cursor(bytes);
  try {
    const columnCount = cursor.varint();
    const rowCount = cursor.varint();
    if (columnCount > maxColumns) throw new RangeError(`${columnCount} columns`);
    const columns = Array.from({ length: columnCount }, (): NativeColumn => {
      cursor.text();
      const reader: ColumnReader = columnReader(cursor.text());
      if (rowCount > 0) reader.begin(cursor);
      return reader.read(cursor, rowCount);
    });
    return { block: { rowCount, columns }, bytes: cursor.at };
  } catch (error) {
    if (error instanceof Short) return undefined;
    throw new Error(`the answer has no block where one should begin: ${excerpt(bytes)}`, { cause: error });
  }
}

function excerpt(bytes: Buffer): string {
  return bytes
    .subarray(0, 2000)
    .toString("latin1")
    .replace(/[^\x20-\x7e]+/g, " ")
    .slice(0, 500);
}
