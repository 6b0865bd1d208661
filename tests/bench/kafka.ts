/**
 * The figures of a log on Kafka on this machine, with a real broker on a core of its own:
 *
 *   npm run bench:kafka [-- append ingest clickhouse duckdb --seconds 20 --events 2000000 --remembered 10000000
 *                           --other-cores 0 --measured-cores 1 --directory DIR]
 *
 * Each part runs alone by its name, on a broker of its own:
 * - append: 64 callers append single records, and 1,000 a call, through the log in one process
 * - ingest: 1,000-event batches by gRPC to a process of role ingest
 * - clickhouse, duckdb: a backlog is applied to a store with so many ids remembered
 *
 * All that is written goes to a new folder in the directory, by default that of temporary files, which is removed.
 * Figures of different machines cannot be compared; those of one run can.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { append } from "./kafka/append.ts";
import { applyToClickhouse, applyToDuckdb } from "./kafka/apply.ts";
import { checkCores } from "./kafka/cores.ts";
import { ingest } from "./kafka/ingest.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    seconds: { type: "string", default: "20" },
    events: { type: "string", default: "2000000" },
    remembered: { type: "string", default: "10000000" },
    "other-cores": { type: "string", default: "0" },
    "measured-cores": { type: "string", default: "1" },
    directory: { type: "string", default: tmpdir() },
  },
});
const seconds = Number(values.seconds);
const backlog = { events: Number(values.events), remembered: Number(values.remembered) };
const cores = { others: values["other-cores"], measured: values["measured-cores"] };
const directory = mkdtempSync(join(values.directory, "weir-bench-"));
process.on("exit", () => rmSync(directory, { recursive: true, force: true }));
for (const signal of ["SIGINT", "SIGTERM"] as const) process.on(signal, () => process.exit(1));
// Broker and engine put their data there too.
process.env.TMPDIR = directory;

const parts: Readonly<Record<string, () => Promise<void>>> = {
  append: () => append(cores, seconds),
  ingest: () => ingest(cores, seconds, join(directory, "ingest")),
  clickhouse: () => applyToClickhouse(cores, backlog),
  duckdb: () => applyToDuckdb(cores, backlog, directory),
};
const names = positionals.length === 0 ? Object.keys(parts) : positionals;
const unknown = names.find((name) => parts[name] === undefined);
if (unknown !== undefined) throw new Error(`${unknown} is none of ${Object.keys(parts).join(", ")}`);

checkCores(cores);
for (const name of names) {
  console.log(`\n${name}`);
  await parts[name]!();
}
