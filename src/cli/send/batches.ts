import type { Event, FlatEvent } from "../../../client/node/index.ts";
import type { Line } from "./lines.ts";
import { type Format, type Parsed, parseLine } from "./parse.ts";
import { reject, type Tally } from "./tally.ts";

/** Events of one form that go into one request, each with the number of its line. */
export type Batch =
  | { readonly kind: "event"; readonly events: Event[]; readonly lines: number[] }
  | { readonly kind: "flat"; readonly events: FlatEvent[]; readonly lines: number[] };

export interface BatchOptions {
  readonly format: Format;
  /** Events in a request, at most. */
  readonly maxEvents: number;
  /** Bytes of lines in a request, about; well below the server's limit of 8 MiB. */
  readonly maxBytes: number;
  /** What is read is entered here, and what is no event. */
  readonly tally: Tally;
}

/**
 * Gathers lines into requests, in their order; a request holds events of one form. Where the lines fail, what was read
 * before comes first, then the failure.
 */
export async function* makeBatches(
  lines: AsyncIterable<Line[]>,
  options: BatchOptions,
): AsyncGenerator<Batch> {
  const { format, maxEvents, maxBytes, tally } = options;
  const open = { event: gather("event"), flat: gather("flat") };
  let failure: { error: unknown } | undefined;
  try {
    for await (const group of lines) {
      for (const line of group) {
        tally.read++;
        const parsed = parseLine(line, format);
        if (parsed.kind === "rejected") {
          reject(tally, line.number, parsed.reason, parsed.message);
          continue;
        }
        const size = line.bytes?.length ?? 0;
        const gathering = open[parsed.kind];
        if (gathering.bytes > 0 && gathering.bytes + size > maxBytes) yield gathering.take();
        gathering.add(line.number, parsed, size);
        if (gathering.count === maxEvents) yield gathering.take();
      }
    }
  } catch (error) {
    failure = { error };
  }
  for (const gathering of [open.event, open.flat]) {
    if (gathering.count > 0) yield gathering.take();
  }
  if (failure) throw failure.error;
}

function gather(kind: Batch["kind"]) {
  let batch = { kind, events: [], lines: [] } as Batch;
  const gathering = {
    bytes: 0,
    count: 0,
    add(line: number, parsed: Parsed & { event: unknown }, size: number) {
      (batch.events as unknown[]).push(parsed.event);
      batch.lines.push(line);
      gathering.bytes += size;
      gathering.count++;
    },
    take(): Batch {
      const taken = batch;
      batch = { kind, events: [], lines: [] } as Batch;
      gathering.bytes = 0;
      gathering.count = 0;
      return taken;
    },
  };
  return gathering;
}
