/**
 * How fast the embedded log takes records, each with an id of its own.
 *
 *   node tests/bench/log.ts [--remembered 1000000] [--seconds 5] [--bytes 200] [--cache-mib 32] [--directory DIR]
 *
 * First it fills the log with as many remembered ids, then it appends in calls of 1, 100 and 1,000 records, each call
 * waiting for the disk, from one caller and from 64 at once.
 */
import { randomBytes, randomUUID } from "node:crypto";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { parseArgs } from "node:util";
import { openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelLog } from "../../src/log/level/level.ts";
import type { LogRecord } from "../../src/log/log.ts";

const { values } = parseArgs({
  options: {
    remembered: { type: "string", default: "0" },
    seconds: { type: "string", default: "5" },
    bytes: { type: "string", default: "200" },
    "cache-mib": { type: "string", default: "32" },
    directory: { type: "string", default: tmpdir() },
  },
});
const value = [randomBytes(Number(values.bytes))];
const users = Array.from({ length: 5000 }, (_, i) => `user-${i}`);
const directory = await mkdtemp(join(values.directory, "weir-bench-log-"));
const groups: number[] = [];
const flushes: number[] = [];
const database = await openLevelDatabase({ directory, cacheBytes: Number(values["cache-mib"]) * 1024 ** 2 });
const log = await createLevelLog({
  database,
  partitions: 8,
  onFlush: ({ events, ms }) => {
    groups.push(events);
    flushes.push(ms);
  },
});

let made = 0;
function records(count: number): LogRecord[] {
  const receivedMs = Date.now();
  return Array.from({ length: count }, () => ({
    project: "default",
    userId: users[made++ % users.length]!,
    id: randomUUID(),
    receivedMs,
    requestId: "",
    value,
  }));
}

function quantile(sorted: readonly number[], p: number): string {
  return (sorted[Math.min(sorted.length - 1, Math.floor(p * sorted.length))] ?? 0).toFixed(2);
}

async function run(callers: number, perCall: number, until: () => boolean): Promise<void> {
  groups.length = 0;
  flushes.length = 0;
  const before = made;
  const delays = monitorEventLoopDelay({ resolution: 1 });
  delays.enable();
  const cpu = process.cpuUsage();
  const since = performance.now();
  const calls: number[] = [];
  async function caller(): Promise<void> {
    while (!until()) {
      const batch = records(perCall);
      const start = performance.now();
      await log.append(batch);
      calls.push(performance.now() - start);
    }
  }
  await Promise.all(Array.from({ length: callers }, caller));
  const ms = performance.now() - since;
  const { user, system } = process.cpuUsage(cpu);
  delays.disable();
  const rate = Math.round(((made - before) / ms) * 1000);
  const mean = Math.round(groups.reduce((sum, n) => sum + n, 0) / Math.max(1, groups.length));
  calls.sort((a, b) => a - b);
  flushes.sort((a, b) => a - b);
  process.stdout.write(
    `${callers} x ${perCall}: ${rate} records/s, groups of ${mean}; call ms p50 ${quantile(calls, 0.5)} p99 ${quantile(calls, 0.99)} ` +
      `max ${quantile(calls, 1)}; write ms p50 ${quantile(flushes, 0.5)} p99 ${quantile(flushes, 0.99)}; ` +
      `event loop delay ms p99 ${(delays.percentile(99) / 1e6).toFixed(1)} max ${(delays.max / 1e6).toFixed(1)}; ` +
      `CPU ${((user + system) / 10 / ms).toFixed(0)}%, rss ${Math.round(process.memoryUsage.rss() / 1024 ** 2)} MiB\n`,
  );
}

try {
  const remembered = Number(values.remembered);
  if (remembered > 0) await run(4, 1000, () => made >= remembered);
  for (const callers of [1, 64]) {
    for (const perCall of callers === 1 ? [1, 100, 1000] : [1, 100]) {
      const end = performance.now() + Number(values.seconds) * 1000;
      await run(callers, perCall, () => performance.now() >= end);
    }
  }
} finally {
  await log.close();
  await database.close();
  await rm(directory, { recursive: true });
}
