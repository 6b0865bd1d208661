/** How fast a log on Kafka takes records of 200 bytes from 64 callers at once, each waiting for all replicas in sync. */
import { randomBytes, randomUUID } from "node:crypto";
import { createKafkaAppender } from "../../../src/log/kafka/appender.ts";
import { createKafkaLog } from "../../../src/log/kafka/kafka.ts";
import type { LogAppender, LogRecord } from "../../../src/log/log.ts";
import { quantile, row } from "../report.ts";
import { type BenchCluster, startBenchCluster } from "./cluster.ts";
import type { Cores } from "./cores.ts";

const callers = 64;
const warmUpSeconds = 5;
const value = [randomBytes(200)];
const users = Array.from({ length: 5000 }, (_, i) => `user-${i}`);

/** A process that reads the log too also reads all that it appends. */
const sides: [name: string, open: (cluster: BenchCluster) => Promise<LogAppender>][] = [
  ["both sides of the log", ({ log }) => createKafkaLog(log)],
  ["the appending side alone", ({ log }) => createKafkaAppender(log)],
];

export async function append(cores: Cores, seconds: number): Promise<void> {
  for (const [name, open] of sides) {
    const cluster = await startBenchCluster(cores);
    try {
      const log = await open(cluster);
      for (const perCall of [1, 1000]) {
        console.log(`${name}, ${callers} callers x ${perCall} records`);
        await appending(log, perCall, Math.min(warmUpSeconds, seconds));
        await measure(log, perCall, seconds);
      }
      await log.close();
    } finally {
      await cluster.close();
    }
  }
}

async function measure(log: LogAppender, perCall: number, seconds: number): Promise<void> {
  const groupsBefore = Number(log.stats().groups);
  const cpu = process.cpuUsage();
  const started = performance.now();
  const latencies = Float64Array.from(await appending(log, perCall, seconds)).sort();
  const elapsed = (performance.now() - started) / 1000;
  const { user, system } = process.cpuUsage(cpu);
  const records = latencies.length * perCall;
  row("records a second", records / elapsed);
  const [p50, p99, most] = [0.5, 0.99, 1].map((p) => quantile(latencies, p));
  row("latency p50 / p99 / max, ms", p50!, p99!, most!);
  row("records of one send", records / (Number(log.stats().groups) - groupsBefore));
  row("CPU seconds a second", (user + system) / 1e6 / elapsed);
}

/** Answers the latency of each call, in milliseconds. */
async function appending(log: LogAppender, perCall: number, seconds: number): Promise<number[]> {
  const until = performance.now() + seconds * 1000;
  const latencies: number[] = [];
  let made = 0;

  function records(): LogRecord[] {
    const receivedMs = Date.now();
    return Array.from({ length: perCall }, () => ({
      project: "default",
      userId: users[made++ % users.length]!,
      id: randomUUID(),
      receivedMs,
      requestId: "",
      value,
    }));
  }

  async function caller(): Promise<void> {
    while (performance.now() < until) {
      const batch = records();
      const started = performance.now();
      await log.append(batch);
      latencies.push(performance.now() - started);
    }
  }

  await Promise.all(Array.from({ length: callers }, caller));
  return latencies;
}
