import type { ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { leakIn } from "./leaks.ts";
import { gather, startProgram } from "./process.ts";

export interface ServerOptions {
  /** Further flags of `weir serve`. */
  args?: readonly string[];
  env?: NodeJS.ProcessEnv;
  /** What is started. Default: bin/weir.js of this checkout. */
  program?: string;
  /** Data of an earlier start; default: a new directory, which stop() removes. */
  dataDir?: string;
  /** Default: a free port of 127.0.0.1. */
  listen?: string;
}

/** A server in a process of its own, started as users start it. */
export interface RunningServer {
  /** Its address, such as http://127.0.0.1:41234. */
  readonly url: string;
  readonly pid: number;
  readonly dataDir: string;
  /** Its log so far, a line of JSON each. */
  log(): string;
  /** Its exit code once it has ended, however that came; null where a signal ended it. */
  readonly exited: Promise<number | null>;
  /**
   * Ends it by SIGTERM, looks through its log and its store for secrets, and removes a directory that was made for it.
   *
   * @returns the exit code; null after kill9()
   */
  stop(): Promise<number | null>;
  /** Ends it at once, as a crash would; the data stay. */
  kill9(): Promise<void>;
  /** Starts it again on its data and its address, once it has ended. */
  restart(): Promise<RunningServer>;
}

const startDeadlineMs = 30_000;
const stopDeadlineMs = 30_000;

/** Starts `weir serve` and waits until it listens. */
export async function startServer(options: ServerOptions = {}): Promise<RunningServer> {
  const dataDir = options.dataDir ?? (await mkdtemp(join(tmpdir(), "weir-server-")));
  const own = options.dataDir === undefined;
  const listen = options.listen ?? "127.0.0.1:0";
  const args = ["serve", "--listen", listen, "--data-dir", dataDir, ...(options.args ?? [])];
  const child = startProgram(options.program ?? "bin/weir.js", args, options.env);
  const stdout = gather(child, "stdout");
  const stderr = gather(child, "stderr");
  const ended = once(child, "close") as Promise<[number | null, NodeJS.Signals | null]>;
  try {
    const url = await listening(child, ended);
    return handle(url);
  } catch (error) {
    child.kill("SIGKILL");
    await ended;
    if (own) await rm(dataDir, { recursive: true, force: true });
    throw new Error(`${(error as Error).message}\n${stdout()}${stderr()}`);
  }

  function handle(url: string): RunningServer {
    let killed = false;
    return {
      url,
      pid: child.pid!,
      dataDir,
      log: stdout,
      exited: ended.then(([code]) => code),
      async stop() {
        child.kill("SIGTERM");
        const overdue = setTimeout(() => child.kill("SIGKILL"), stopDeadlineMs);
        const [code, signal] = await ended;
        clearTimeout(overdue);
        const kept = [join(dataDir, "log"), join(dataDir, "store.duckdb")];
        const leak = await leakIn(kept, args, options.env ?? {});
        if (own) await rm(dataDir, { recursive: true, force: true });
        if (signal === "SIGKILL" && !killed)
          throw new Error(`the server did not stop in time\n${stdout()}${stderr()}`);
        if (leak !== undefined) throw new Error(`the server keeps a secret in its data: ${leak}`);
        return code;
      },
      async kill9() {
        killed = true;
        child.kill("SIGKILL");
        await ended;
      },
      async restart() {
        const again = await startServer({ ...options, dataDir, listen: new URL(url).host });
        return own ? removingAfter(again, dataDir) : again;
      },
    };
  }
}

/** The data directory of a first start goes with the last one's end. */
function removingAfter(server: RunningServer, dataDir: string): RunningServer {
  return {
    ...server,
    async stop() {
      const code = await server.stop();
      await rm(dataDir, { recursive: true, force: true });
      return code;
    },
    async restart() {
      return removingAfter(await server.restart(), dataDir);
    },
  };
}

/** The address of the first log line that says "listening". */
async function listening(child: ChildProcess, ended: Promise<unknown>): Promise<string> {
  const overdue = AbortSignal.timeout(startDeadlineMs);
  const lines = createInterface({ input: child.stdout! });
  return new Promise((resolve, reject) => {
    overdue.addEventListener("abort", () => reject(new Error("the server does not listen in time")));
    void ended.then(() => reject(new Error("the server ended before it listened")));
    child.once("error", reject);
    lines.on("line", (line) => {
      const url = listeningUrl(line);
      if (url !== undefined) resolve(url);
    });
  });
}

function listeningUrl(line: string): string | undefined {
  try {
    const entry = JSON.parse(line) as { msg?: unknown; url?: unknown };
    return entry.msg === "listening" && typeof entry.url === "string" ? entry.url : undefined;
  } catch {
    return undefined;
  }
}
