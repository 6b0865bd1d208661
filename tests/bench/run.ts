/**
 * The platform's figures on this machine:
 *
 *   npm run bench [-- ingestion questions access tracing loud-key --remembered 10000000 --seconds 20 --rate 25000 --events FILE
 *                     --rounds 40]
 *
 * Each part runs by its name; without one the first two do.
 * - ingestion: 1,000-event batches by gRPC, durable, with so many ids remembered, at most at the rate (0: as fast as it goes),
 *    and how far the store lags at the end
 * - questions: a summary over the events of a file (the flights of January where they stand beside this checkout), start on
 *   that data, and memory at rest
 * - access: what a key adds to a batch of 100 and to a single event, over so many rounds
 * - tracing: what tracing adds to the same calls
 * - loud-key: the p99 of a key beside another one that sends far more than it may, over its p99 alone, each for so many
 *   seconds, three times
 *
 * Figures of different machines cannot be compared; those of one run can.
 */
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { createWeirClient } from "../../client/node/index.ts";
import { access } from "./access.ts";
import { loudKey } from "./loud-key.ts";
import { ingestLoad, repository, runNode } from "./node-program.ts";
import { preloadIds } from "./preload.ts";
import { row } from "./report.ts";
import { type BenchServer, startBenchServer } from "./server.ts";
import { tracing } from "./tracing.ts";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    remembered: { type: "string", default: "1000000" },
    seconds: { type: "string", default: "15" },
    rate: { type: "string", default: "0" },
    rounds: { type: "string", default: "40" },
    events: { type: "string", default: join(repository, "../shared/data/flights-2013-01.ndjson.gz") },
  },
});

const parts: Readonly<Record<string, (directory: string) => Promise<void>>> = {
  ingestion,
  questions,
  access: (place) => access(place, Number(values.rounds)),
  tracing: (place) => tracing(place, Number(values.rounds)),
  "loud-key": (place) => loudKey(place, 3, Number(values.seconds)),
};
const names = positionals.length === 0 ? ["ingestion", "questions"] : positionals;
const unknown = names.find((name) => !Object.hasOwn(parts, name));
if (unknown !== undefined) throw new Error(`${unknown} is none of ${Object.keys(parts).join(", ")}`);

const directory = mkdtempSync(join(tmpdir(), "weir-bench-"));
try {
  for (const name of names) await parts[name]!(join(directory, name));
} finally {
  rmSync(directory, { recursive: true });
}

async function ingestion(dataDir: string): Promise<void> {
  const remembered = Number(values.remembered);
  console.log(`remembering ${remembered} ids …`);
  await preloadIds(join(dataDir, "log"), remembered);
  const server = await startBenchServer(dataDir, "--log-level", "info");
  try {
    const before = server.cpuSeconds();
    const { accepted, seconds, p50, p99, cpu } = ingestLoad(
      server.url,
      Number(values.seconds),
      Number(values.rate),
    );
    const used = server.cpuSeconds() - before;
    const behind = await lag(server);
    const waited = performance.now();
    while ((await lag(server)) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
    const caughtUp = (performance.now() - waited) / 1000;
    row("events accepted a second", accepted / seconds);
    row("batch latency p50 / p99, ms", p50, p99);
    row("server CPU seconds a second", used / seconds);
    row("client CPU seconds a second", cpu);
    row("events the store was behind at the end", behind);
    row("seconds until it had caught up", caughtUp);
    row("resident MiB after the load", server.residentMib());
  } finally {
    await server.stop();
  }
}

async function questions(dataDir: string): Promise<void> {
  if (!existsSync(values.events)) {
    console.log(`left out: questions, since ${values.events} is not there`);
    return;
  }
  let server = await startBenchServer(dataDir);
  const sent = performance.now();
  runNode("bin/weir.js", "send", values.events, "--url", server.url);
  row("seconds to send the file", (performance.now() - sent) / 1000);
  await summaries(server);
  await server.stop();
  server = await startBenchServer(dataDir);
  row("seconds from start to listening, on that data", server.readySeconds);
  await new Promise((resolve) => setTimeout(resolve, 3000));
  row("resident MiB at rest", server.residentMib());
  await summaries(server);
  await server.stop();
}

async function summaries(server: BenchServer): Promise<void> {
  while ((await lag(server)) > 0) await new Promise((resolve) => setTimeout(resolve, 50));
  const client = createWeirClient({ url: server.url });
  const times: number[] = [];
  for (let i = 0; i < 21; i++) {
    const started = performance.now();
    await client.analytics.getAnalyticsSummary({});
    times.push(performance.now() - started);
  }
  await client.close();
  const [first] = times;
  times.sort((a, b) => a - b);
  row("summary over the file, first / median, ms", first!, times[10]!);
}

async function lag(server: BenchServer): Promise<number> {
  const answer = (await (await fetch(`${server.url}/v1/consumer/lag`)).json()) as { lag_events: string };
  return Number(answer.lag_events);
}
