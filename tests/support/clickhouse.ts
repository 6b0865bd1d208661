/**
 * ClickHouse for tests: its real engine (chdb) behind a small HTTP server (clickhouse/server.py says what that is not), or
 * the server that WEIR_TEST_CLICKHOUSE names by URL.
 */
import { type ChildProcessWithoutNullStreams, spawn } from "node:child_process";
import { randomUUID } from "node:crypto";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import type { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { clickhousePackages } from "./clickhouse/engine.ts";
import { gather, repository } from "./process.ts";
import { stall } from "./stall.ts";

export { withoutClickhouse } from "./clickhouse/engine.ts";

export interface ClickhouseServer {
  /** URL of a database of its own that does not exist yet. */
  newDatabase(): string;
  close(): Promise<void>;
}

/** An engine of one's own. */
export interface ClickhouseEngine extends ClickhouseServer {
  /** Ends it at once, as a crash would; the data stay. */
  kill9(): Promise<void>;
  /** Starts it again on its data and its port, once it has ended. */
  restart(): Promise<void>;
  /** Stalls it: connections stay, nothing is answered any more once this resolves. */
  stall(): Promise<void>;
  /** Ends a stall. */
  resume(): void;
}

let shared: Promise<ClickhouseServer> | undefined;

/** One server for all of a test file; it ends with its process. */
export function sharedClickhouse(): Promise<ClickhouseServer> {
  shared ??= startClickhouse();
  return shared;
}

export async function startClickhouse(): Promise<ClickhouseServer> {
  const given = process.env.WEIR_TEST_CLICKHOUSE;
  if (given !== undefined) {
    return { newDatabase: () => databaseOf(given), close: async () => {} };
  }
  return startEngine();
}

/** The engine in a process of its own, whatever WEIR_TEST_CLICKHOUSE says. */
export async function startEngine(): Promise<ClickhouseEngine> {
  const packages = await clickhousePackages();
  const directory = mkdtempSync(join(tmpdir(), "weir-clickhouse-"));
  const program = join(repository, "tests/support/clickhouse/server.py");
  let child: ChildProcessWithoutNullStreams;
  let ended: Promise<unknown>;
  let port: number | undefined;

  async function start(): Promise<void> {
    child = spawn("python3", [program, directory, ...(port === undefined ? [] : [String(port)])], {
      env: { ...process.env, PYTHONPATH: packages, PYTHONDONTWRITEBYTECODE: "1" },
      stdio: "pipe",
    });
    const stderr = gather(child, "stderr");
    ended = once(child, "exit");
    const started = once(child.stdout, "data").then(([line]) => Number(String(line)));
    port = await Promise.race([started, ended.then(() => undefined)]);
    if (port === undefined) throw new Error(`the ClickHouse engine did not start: ${stderr()}`);
    // It ends as its standard input does, at the latest with this process, which need not wait for it.
    child.unref();
    for (const stream of [child.stdin, child.stdout, child.stderr]) (stream as unknown as Socket).unref();
  }

  await start();
  return {
    newDatabase: () => databaseOf(`http://127.0.0.1:${port}`),
    async kill9() {
      child.kill("SIGKILL");
      await ended;
    },
    restart: start,
    stall: () => stall(child.pid!),
    resume: () => void child.kill("SIGCONT"),
    async close() {
      if (child.exitCode === null && child.signalCode === null) {
        child.stdin.end();
        await ended;
      }
      rmSync(directory, { recursive: true, force: true });
    },
  };
}

function databaseOf(server: string): string {
  const url = new URL(server);
  url.pathname = `/weir_${randomUUID().replaceAll("-", "")}`;
  return url.href;
}
