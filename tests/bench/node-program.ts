/** Programs of the repository that a benchmark runs in processes of their own. */
import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";

export const repository = fileURLToPath(new URL("../..", import.meta.url));

/** Runs one to its end, and answers what it printed. @throws Error where it fails */
export function runNode(...args: string[]): string {
  const result = spawnSync(process.execPath, args, {
    cwd: repository,
    encoding: "utf8",
    stdio: ["ignore", "pipe", "inherit"],
  });
  if (result.status !== 0) throw new Error(`${args.join(" ")}: exit code ${result.status}`);
  return result.stdout;
}

/** What ingest-client.ts prints. */
export interface IngestLoad {
  readonly accepted: number;
  readonly seconds: number;
  /** Latencies of the batches, in milliseconds. */
  readonly p50: number;
  readonly p99: number;
  /** Of the client, in seconds of processor time a second. */
  readonly cpu: number;
}

/** Batches of 1,000 events by 8 callers of one client process, at most `rate` events a second; 0: as fast as it goes. */
export function ingestLoad(url: string, seconds: number, rate = 0): IngestLoad {
  const args = [url, seconds, 1000, 8, rate].map(String);
  return JSON.parse(runNode("tests/bench/ingest-client.ts", ...args)) as IngestLoad;
}
