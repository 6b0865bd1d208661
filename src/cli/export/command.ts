import { fromJson } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { type ExportEventsResponse, ExportFormat } from "../../../client/node/index.ts";
import { impossibleTime } from "../../contract/json-days.ts";
import { type Command, exitCodes, type FlagValues, oneOf, UsageError } from "../command.ts";
import { askOnce, connectionFlags } from "../connection.ts";
import { printable } from "../printable.ts";
import { writeWhole } from "./output.ts";

const formats = ["ndjson", "csv", "parquet"] as const;

export const exportEvents: Command = {
  details: [
    "NDJSON is an Event in proto JSON a line, which weir send takes again. NDJSON and CSV are ordered by timestamp, id and",
    "user_id. The file gets its name once it is whole.",
    "",
    "Exit code 0: done; 1: it broke off, and there is no file; 2: usage; 3: the server cannot be reached or refuses.",
  ].join("\n"),
  flags: {
    ...connectionFlags,
    format: {
      type: "string",
      value: "FORM",
      summary: `form of the file: ${formats.join(", ")}`,
      default: "ndjson",
    },
    out: {
      type: "string",
      value: "FILE",
      summary: "where to; gzipped if it ends with .gz; - is standard output",
      default: "-",
    },
    start: { type: "string", value: "TIME", summary: "only events from this time or day (UTC) on" },
    end: { type: "string", value: "TIME", summary: "only events before this time or day (UTC)" },
    filter: { type: "string", value: "CEL", summary: 'only events that pass, such as name == "purchase"' },
  },
  async run(values, operands, context) {
    if (operands.length > 0) throw new UsageError(`give the file by --out, not as "${operands[0]}"`);
    const format = oneOf(values, "format", formats);
    const request = {
      format: ExportFormat[format.toUpperCase() as keyof typeof ExportFormat],
      timeRange: { ...timeOf(values, "start"), ...timeOf(values, "end") },
      filter: String(values.filter ?? ""),
    };
    return askOnce(values, context, async (weir) => {
      const pieces = weir.analytics.exportEvents(request)[Symbol.asyncIterator]();
      // Whoever refuses does so before the first piece.
      const first = await pieces.next();
      try {
        await writeWhole(bytesOf(first, pieces), String(values.out), context.stdout);
        return exitCodes.done;
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        context.stderr.write(`weir export: broke off: ${printable(error.message)}\n`);
        return exitCodes.notAll;
      }
    });
  },
};

async function* bytesOf(
  first: IteratorResult<ExportEventsResponse>,
  pieces: AsyncIterator<ExportEventsResponse>,
): AsyncGenerator<Uint8Array> {
  for (let next = first; next.done !== true; next = await pieces.next()) {
    // Of a heartbeat there is nothing to write.
    if (next.value.data.length > 0) yield next.value.data;
  }
}

/** @throws UsageError */
function timeOf<N extends string>(values: FlagValues, name: N): { [K in N]?: Timestamp } {
  const value = values[name];
  if (value === undefined) return {};
  const text = String(value);
  try {
    const time = /^\d{4}-\d{2}-\d{2}$/.test(text) ? `${text}T00:00:00Z` : text;
    const read = fromJson(TimestampSchema, time);
    if (impossibleTime(time) === undefined) return { [name]: read } as { [K in N]?: Timestamp };
  } catch {
    // Refused as a time that does not exist.
  }
  throw new UsageError(`--${name} must be a time such as 2025-01-01T12:00:00Z or a day, not "${text}"`);
}
