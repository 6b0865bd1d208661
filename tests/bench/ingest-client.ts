/**
 * Load of one client process: batches of events by gRPC, durable, until the time is over. Prints one line of JSON.
 *
 *   node tests/bench/ingest-client.ts URL SECONDS BATCH CALLERS [EVENTS_A_SECOND]
 */
import { randomUUID } from "node:crypto";
import { createWeirClient } from "../../client/node/index.ts";

const [url, seconds, batch, callers, rate = "0"] = process.argv.slice(2) as [
  string,
  string,
  string,
  string,
  string?,
];
const client = createWeirClient({ url, transport: "grpc" });
const names = ["page_view", "click", "sign_up", "purchase", "search"];
const latencies: number[] = [];
let accepted = 0;
let number = 0;

function events() {
  const timestamp = { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 };
  return Array.from({ length: Number(batch) }, () => {
    number++;
    return {
      id: randomUUID(),
      userId: `user-${number % 20_000}`,
      sessionId: `session-${number % 50_000}`,
      name: names[number % names.length]!,
      timestamp,
      source: "bench",
      properties: { page: `/page/${number % 100}`, plan: "pro", country: "DE", device: "mobile" },
      measures: { duration: number % 1000 },
    };
  });
}

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
const at = (p: number) => latencies[Math.floor(p * (latencies.length - 1))];
console.log(
  JSON.stringify({ accepted, seconds: elapsed, p50: at(0.5), p99: at(0.99), cpu: process.cpuUsage() }),
);
