/**
 * Load of one client process: batches of events by gRPC, durable, until the time is over. Prints one line of JSON.
 *
 *   node tests/bench/ingest-client.ts URL SECONDS BATCH CALLERS [EVENTS_A_SECOND]
 */
import { createWeirClient } from "../../client/node/index.ts";
import { newEvent } from "./events.ts";
import { quantile } from "./report.ts";

const [url, seconds, batch, callers, rate = "0"] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const client = createWeirClient({ url, transport: "grpc" });
const latencies: number[] = [];
let accepted = 0;
let number = 0;

const events = () => Array.from({ length: Number(batch) }, () => newEvent(number++));

let begun = 0;

/** Waits until the next batch is due; at once where no rate is given. */
async function due(): Promise<void> {
  const at = rate === "0" ? 0 : started + (begun++ * Number(batch) * 1000) / Number(rate);
  if (at > performance.now()) await new Promise((resolve) => setTimeout(resolve, at - performance.now()));
}

async function caller(until: number): Promise<void> {
  while (performance.now() < until) {
    await due();
    const request = { events: events() };
    const started = performance.now();
    const answer = await client.ingestion.ingestEvents(request);
    latencies.push(performance.now() - started);
    accepted += answer.acceptedCount;
  }
}

const started = performance.now();
const until = started + Number(seconds) * 1000;
await Promise.all(Array.from({ length: Number(callers) }, () => caller(until)));
const elapsed = (performance.now() - started) / 1000;
await client.close();
latencies.sort((a, b) => a - b);
const { user, system } = process.cpuUsage();
const [p50, p99] = [0.5, 0.99].map((p) => quantile(latencies, p));
const cpu = (user + system) / 1e6 / elapsed;
console.log(JSON.stringify({ accepted, seconds: elapsed, p50, p99, cpu }));
