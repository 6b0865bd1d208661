/** Documents whose commands are run, line by line, against a server started as they say. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect } from "vitest";
import { runCommand } from "./command.ts";
import { findGrpcurl } from "./grpcurl.ts";
import { expectNoSecrets, type Finished, repository } from "./process.ts";

/** Where documents say that the server is. */
const documented = "127.0.0.1:8080";
/** Files that their commands write or read, in the repository where people run them. */
const files = ["events.ndjson.gz", "events.csv", "events.parquet", "value.binpb"];

export function documentOf(path: string): string {
  return readFileSync(join(repository, path), "utf8");
}

/** Every command of the document's blocks of shell, a line each; those of bash are for other machines. */
export function commandsOf(path: string, shell: "sh" | "bash" = "sh"): string[] {
  const blocks = documentOf(path).matchAll(new RegExp(`\`\`\`${shell}\\n([\\s\\S]*?)\`\`\``, "g"));
  return [...blocks].flatMap((block) =>
    block[1]!
      .trim()
      .replace(/\\\n\s*/g, "")
      .split("\n"),
  );
}

export interface DocumentedServer {
  /** Host and port. */
  readonly address: string;
  /** Whether commands of grpcurl can be run. */
  readonly grpcurl: boolean;
  /** Path of a file that commands write. */
  file(name: string): string;
  /** Runs a command against this server. */
  run(command: string): Promise<Finished>;
  /** The same, of one that must go well. @returns its standard output */
  stdoutOf(command: string): Promise<string>;
  stop(): Promise<void>;
}

/** By `npm start`, but on a free port and on data of its own. */
export async function startDocumented(): Promise<DocumentedServer> {
  const directory = mkdtempSync(join(tmpdir(), "weir-documented-"));
  const grpcurl = await findGrpcurl();
  let path = process.env.PATH;
  if (grpcurl !== undefined) {
    copyFileSync(grpcurl, join(directory, "grpcurl"));
    path = `${directory}:${path}`;
  }
  const server = spawn(
    "npm",
    ["start", "--", "--listen", "127.0.0.1:0", "--data-dir", join(directory, "data")],
    { cwd: repository, stdio: ["ignore", "pipe", "pipe"], detached: true },
  );
  expectNoSecrets(server, "npm start", {});
  server.stderr!.pipe(process.stderr);
  const address = await listening(server);
  server.stdout!.resume();

  async function run(command: string): Promise<Finished> {
    let here = command.replaceAll(documented, address);
    for (const file of files) here = here.replaceAll(file, join(directory, file));
    return runCommand("bash", ["-c", here], {
      env: { PATH: path, WEIR_URL: `http://${address}` },
      deadlineMs: 120_000,
    });
  }

  return {
    address,
    grpcurl: grpcurl !== undefined,
    file: (name) => join(directory, name),
    run,
    async stdoutOf(command) {
      const { code, stdout, stderr } = await run(command);
      expect(code, `${command}\n${stdout}${stderr}`).toBe(0);
      return stdout;
    },
    async stop() {
      const ended = once(server, "exit");
      // Ctrl-C reaches the whole group of a terminal.
      process.kill(-server.pid!, "SIGINT");
      await ended;
      rmSync(directory, { recursive: true });
    },
  };
}

/** The address that a server says it listens on, in its first line of that kind. */
export async function listening(server: ChildProcess): Promise<string> {
  for await (const line of createInterface({ input: server.stdout! })) {
    const url = line.startsWith("{") && (JSON.parse(line) as { msg: string; url?: string });
    if (url && url.msg === "listening") return new URL(url.url!).host;
  }
  throw new Error("the server ended before it listened");
}
