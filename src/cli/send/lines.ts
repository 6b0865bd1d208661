/** One line of the input. */
export interface Line {
  /** Its number, from 1. */
  readonly number: number;
  /** Its bytes without the line end; undefined where there are more than the limit. */
  readonly bytes: Buffer | undefined;
}

/** The input failed, by its end or its source; the lines before were read whole. */
export class BrokenInput extends Error {
  override readonly name = "BrokenInput";
  /** The line that is incomplete. */
  readonly line: number;

  constructor(line: number, cause: Error) {
    super(cause.message, { cause });
    this.line = line;
  }
}

const newline = 0x0a;
const carriageReturn = 0x0d;

/**
 * Cuts pieces of bytes into lines, all of a piece at once. Lines of blanks alone are numbered but left out. Holds at
 * most a piece and `maxLineBytes`: of a longer line the rest is skipped as it comes.
 *
 * @throws BrokenInput where the pieces fail, after the lines before
 */
export async function* splitLines(
  chunks: AsyncIterable<Buffer>,
  maxLineBytes: number,
): AsyncGenerator<Line[]> {
  let number = 0;
  let rest: Buffer = Buffer.alloc(0);
  let tooLong = false;

  function take(piece: Buffer): Line | undefined {
    number++;
    const whole = rest.length === 0 ? piece : Buffer.concat([rest, piece]);
    const skip = tooLong || whole.length > maxLineBytes;
    rest = Buffer.alloc(0);
    tooLong = false;
    if (skip) return { number, bytes: undefined };
    const bytes = whole.at(-1) === carriageReturn ? whole.subarray(0, -1) : whole;
    return bytes.every((byte) => byte === 0x20 || byte === 0x09) ? undefined : { number, bytes };
  }

  try {
    for await (const chunk of chunks) {
      const lines: Line[] = [];
      let start = 0;
      for (let end = chunk.indexOf(newline); end >= 0; end = chunk.indexOf(newline, start)) {
        const line = take(chunk.subarray(start, end));
        if (line !== undefined) lines.push(line);
        start = end + 1;
      }
      if (start < chunk.length && !tooLong) {
        rest = Buffer.concat([rest, chunk.subarray(start)]);
        if (rest.length > maxLineBytes) {
          tooLong = true;
          rest = Buffer.alloc(0);
        }
      }
      if (lines.length > 0) yield lines;
    }
  } catch (error) {
    throw new BrokenInput(number + 1, error as Error);
  }
  if (rest.length > 0 || tooLong) {
    const line = take(Buffer.alloc(0));
    if (line !== undefined) yield [line];
  }
}
