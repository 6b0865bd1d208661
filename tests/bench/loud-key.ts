/**
 * What a key that sends far more than it may does to the latency of another one: by turns alone, beside it, and beside one
 * that is as loud at another server, which is what the machine adds whose cores they share.
 */
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

/** @param rounds each of three times so many seconds */
export async function loudKey(directory: string, rounds: number, seconds: number): Promise<void> {
  const server = await startKeyedServer(join(directory, "loud"));
  const elsewhere = await startKeyedServer(join(directory, "elsewhere"));
  const client = createWeirClient({ url: server.url, apiKey: await server.newKey() });
  const idler = createWeirClient({ url: elsewhere.url, apiKey: await elsewhere.newKey() });
  const loud = { here: await server.newKey(loudLimits), elsewhere: await elsewhere.newKey(loudLimits) };
  const figures: Record<"alone" | "beside" | "apart", number>[] = [];

  async function besideLoud(url: string, key: string): Promise<number[]> {
    const load = startLoud(url, key, seconds + 1);
    await load.begun;
    const latencies = await goodCalls(client, seconds * 1000);
    const { taken, refused } = await load.ended;
    for (const each of [client, idler]) await idle(each);
    row("the loud key's calls a second, taken / refused", taken / (seconds + 1), refused / (seconds + 1));
    return latencies;
  }

  try {
    // Unmeasured: the first calls of a process are slow.
    await goodCalls(client, 2000);
    for (let round = 0; round < rounds; round++) {
      const alone = await goodCalls(client, seconds * 1000);
      const beside = await besideLoud(server.url, loud.here);
      const apart = await besideLoud(elsewhere.url, loud.elsewhere);
      for (const p of [0.5, 0.99]) {
        const label = `the good key's p${p * 100}, ms, alone / beside it / beside it at another server`;
        row(label, quantile(alone, p), quantile(beside, p), quantile(apart, p));
      }
      figures.push({
        alone: quantile(alone, 0.99),
        beside: quantile(beside, 0.99),
        apart: quantile(apart, 0.99),
      });
    }
    row("p99 beside it / alone, median of the rounds", median(figures.map((f) => f.beside / f.alone)));
    row("p99 beside it at another server / alone", median(figures.map((f) => f.apart / f.alone)));
  } finally {
    await idler.close();
    await client.close();
    await elsewhere.stop();
    await server.stop();
  }
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
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
