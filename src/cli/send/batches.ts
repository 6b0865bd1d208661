import type { Event, FlatEvent } from "../../../client/node/index.ts";
import type { Line } from "./lines.ts";
import { type Format, type Parsed, parseLine } from "./parse.ts";

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
  /** Told of each line that is no event. */
  readonly onRejected: (line: number, reason: string, message: string) => void;
}

/** Gathers lines into requests, in their order; a request holds events of one form. */
export async function* makeBatches(
  lines: AsyncIterable<Line[]>,
  options: BatchOptions,
): AsyncGenerator<Batch> {
  const open = { event: gather("event"), flat: gather("flat") };
  for await (const group of lines) {
    for (const line of group) {
      const parsed = parseLine(line, options.format);
      if (parsed.kind === "rejected") {
        options.onRejected(line.number, parsed.reason, parsed.message);
        continue;
      }
      const size = line.bytes?.length ?? 0;
      const gathering = open[parsed.kind];
      if (gathering.bytes > 0 && gathering.bytes + size > options.maxBytes) yield gathering.take();
      gathering.add(line.number, parsed, size);
      if (gathering.count === options.maxEvents) yield gathering.take();
    }
  }
  for (const gathering of [open.event, open.flat]) {
    if (gathering.count > 0) yield gathering.take();
  }
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
