import { createWriteStream } from "node:fs";
import { Readable, type Writable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { createGzip } from "node:zlib";
import { type Command, exitCodes, oneOf, UsageError, wholeNumber } from "../command.ts";
import { generateLines } from "./events.ts";

/** Text that is written at once, in characters. */
const pieceLength = 64 * 1024;

const count = (summary: string, fallback: string) =>
  ({ type: "string", value: "N", summary, default: fallback }) as const;

export const generateData: Command = {
  details:
    "The same flags give the same bytes, on every machine. Users and names differ widely in frequency; purchase,\n" +
    "subscribe and refund are transactions.",
  flags: {
    events: count("events, up to 1,000,000,000", "10000"),
    users: count("different users at most, up to 10,000,000", "1000"),
    names: count("different event names at most, up to 1,000", "12"),
    properties: count("properties of each event, up to 100", "5"),
    days: count("days over which they spread, up to 3,650", "30"),
    seed: count("another seed gives other events", "1"),
    start: { type: "string", value: "DATE", summary: "the first day, in UTC", default: "2025-01-01" },
    format: { type: "string", value: "FORM", summary: "form of the lines: event or flat", default: "event" },
    out: {
      type: "string",
      value: "FILE",
      summary: "where to; gzipped if it ends with .gz; - is standard output",
      default: "-",
    },
  },
  async run(values, operands, context) {
    if (operands.length > 0) throw new UsageError(`"${operands[0]}" is none of its flags`);
    const lines = generateLines({
      events: wholeNumber(values, "events", 0, 1_000_000_000),
      users: wholeNumber(values, "users", 1, 10_000_000),
      names: wholeNumber(values, "names", 1, 1_000),
      properties: wholeNumber(values, "properties", 0, 100),
      days: wholeNumber(values, "days", 1, 3_650),
      seed: wholeNumber(values, "seed", 0, Number.MAX_SAFE_INTEGER),
      format: oneOf(values, "format", ["event", "flat"]),
      startMs: startOf(String(values.start)),
    });
    await write(pieces(lines), String(values.out), context.stdout);
    return exitCodes.done;
  },
};

function startOf(date: string): number {
  const ms = /^\d{4}-\d{2}-\d{2}$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN;
  // Date.parse takes February 30 for March 2.
  const exists = ms >= 0 && new Date(ms).toISOString().startsWith(date);
  if (!exists) {
    throw new UsageError(
      `--start must be a day of the calendar from 1970 on, such as 2025-01-01, not "${date}"`,
    );
  }
  return ms;
}

function* pieces(lines: Iterable<string>): Generator<string> {
  let piece = "";
  for (const line of lines) {
    piece += line;
    if (piece.length >= pieceLength) {
      yield piece;
      piece = "";
    }
  }
  if (piece !== "") yield piece;
}

async function write(text: Iterable<string>, path: string, stdout: Writable): Promise<void> {
  const source = Readable.from(text);
  if (path === "-") return pipeline(source, stdout, { end: false });
  const file = createWriteStream(path);
  try {
    await (path.endsWith(".gz") ? pipeline(source, createGzip(), file) : pipeline(source, file));
  } catch (error) {
    throw new UsageError(`cannot write ${path}: ${(error as Error).message}`);
  }
}
