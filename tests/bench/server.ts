/** A server of its own process for a benchmark, on a data directory of its own. */
import { type ChildProcess, spawn } from "node:child_process";
import { readFileSync } from "node:fs";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

export interface BenchServer {
  readonly url: string;
  /** From the start of the process until it listens, in seconds. */
  readonly readySeconds: number;
  /** Processor seconds used so far, in all threads. */
  cpuSeconds(): number;
  /** Resident memory in MiB. */
  residentMib(): number;
  stop(): Promise<void>;
}

const weir = fileURLToPath(new URL("../../bin/weir.js", import.meta.url));
const ticksPerSecond = 100;

export async function startBenchServer(dataDir: string, ...flags: string[]): Promise<BenchServer> {
  const started = performance.now();
  const child = spawn(
    process.execPath,
    [weir, "serve", "--listen", "127.0.0.1:0", "--data-dir", dataDir, ...flags],
    { stdio: ["ignore", "pipe", "inherit"] },
  );
  const killAtExit = () => child.kill("SIGKILL");
  process.on("exit", killAtExit);
  child.once("exit", () => process.removeListener("exit", killAtExit));
  const url = await listening(child);
  return {
    url,
    readySeconds: (performance.now() - started) / 1000,
    cpuSeconds() {
      // Fields 14 and 15 of proc(5)'s stat: user and system time.
      const fields = readFileSync(`/proc/${child.pid}/stat`, "utf8").split(") ")[1]!.split(" ");
      return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
    },
    residentMib() {
      return (
        Number(/^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${child.pid}/status`, "utf8"))![1]) / 1024
      );
    },
    async stop() {
      const exited = new Promise((resolve) => child.once("exit", resolve));
      child.kill("SIGTERM");
      await exited;
    },
  };
}

async function listening(child: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: child.stdout! })) {
    const entry = JSON.parse(line) as { msg?: string; url?: string };
    if (entry.msg === "listening" && entry.url !== undefined) {
      // What is logged from now on is read and dropped, so that the server never waits for us.
      child.stdout!.resume();
      return entry.url;
    }
  }
  throw new Error("the server ended before it listened");
}
