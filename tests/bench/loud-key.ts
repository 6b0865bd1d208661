/** What a key that sends far more than it may does to the latency of another one: by turns alone and beside it. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { newEvent } from "./events.ts";
import { idle, startKeyedServer } from "./keyed-server.ts";
import { repository } from "./node-program.ts";
import { quantile, row } from "./report.ts";

/** The good key's calls come at this pace, each of so many events and durable. */
const everyMs = 20;
const eventsPerCall = 10;
/** What the loud key may send; it tries as fast as it can. */
const loudLimits = { eventsPerSecond: 2000 };

/** @param rounds each of twice so many seconds */
export async function loudKey(directory: string, rounds: number, seconds: number): Promise<void> {
  const server = await startKeyedServer(join(directory, "loud"));
  const [good, loud] = [await server.newKey(), await server.newKey(loudLimits)];
  const client = createWeirClient({ url: server.url, apiKey: good });
  const figures: { alone: number[]; beside: number[] }[] = [];
  try {
    // Unmeasured: the first calls of a process are slow.
    await goodCalls(client, 2000);
    for (let round = 0; round < rounds; round++) {
      const alone = await goodCalls(client, seconds * 1000);
      const load = startLoud(server.url, loud, seconds + 1);
      await load.begun;
      const beside = await goodCalls(client, seconds * 1000);
      const { taken, refused } = await load.ended;
      await idle(client);
      figures.push({ alone, beside });
      row("the loud key's calls a second, taken / refused", taken / (seconds + 1), refused / (seconds + 1));
      row("the good key's p50, ms, alone / beside it", quantile(alone, 0.5), quantile(beside, 0.5));
      row("the good key's p99, ms, alone / beside it", quantile(alone, 0.99), quantile(beside, 0.99));
    }
    const ratios = figures.map(({ alone, beside }) => quantile(beside, 0.99) / quantile(alone, 0.99));
    row(
      "p99 beside it / alone, median of the rounds",
      quantile(
        ratios.toSorted((a, b) => a - b),
        0.5,
      ),
    );
  } finally {
    await client.close();
    await server.stop();
  }
}

let number = 0;

/** Latencies in milliseconds, sorted. A call that is late does not put off the next one. */
async function goodCalls({ ingestion }: WeirClient, durationMs: number): Promise<number[]> {
  const begin = performance.now();
  const calls: Promise<number>[] = [];
  for (let due = begin; due < begin + durationMs; due += everyMs) {
    const waitMs = due - performance.now();
    if (waitMs > 0) await new Promise((resolve) => setTimeout(resolve, waitMs));
    const events = Array.from({ length: eventsPerCall }, () => newEvent(number++));
    const sent = performance.now();
    calls.push(ingestion.ingestEvents({ events }).then(() => performance.now() - sent));
  }
  return (await Promise.all(calls)).sort((a, b) => a - b);
}

/** The load in a process of its own. */
function startLoud(url: string, key: string, seconds: number) {
  const child = spawn(process.execPath, ["tests/bench/loud-client.ts", url, String(seconds)], {
    cwd: repository,
    env: { ...process.env, WEIR_API_KEY: key },
    stdio: ["ignore", "pipe", "inherit"],
  });
  const lines: string[] = [];
  child.stdout.on("data", (piece: Buffer) => lines.push(piece.toString()));
  return {
    /** Resolves once it sends. */
    begun: once(child.stdout, "data"),
    ended: once(child, "close").then(
      () => JSON.parse(lines.join("").trim().split("\n").at(-1)!) as { taken: number; refused: number },
    ),
  };
}
