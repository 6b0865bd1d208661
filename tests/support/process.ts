import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { fileURLToPath } from "node:url";
import { createLeakCheck } from "./leaks.ts";

export const repository = fileURLToPath(new URL("../../", import.meta.url));

export interface Finished {
  code: number | null;
  signal: NodeJS.Signals | null;
  stdout: string;
  stderr: string;
}

/** Runs `weir …` as users do, to its end. */
export function weir(
  args: readonly string[],
  options: { stdin?: string | Buffer; env?: NodeJS.ProcessEnv } = {},
) {
  return runToEnd("bin/weir.js", args, options);
}

/** Runs a program of the repository under the Node of the tests, to its end. */
export async function runToEnd(
  program: string,
  args: readonly string[],
  { stdin, env }: { stdin?: string | Buffer; env?: NodeJS.ProcessEnv } = {},
): Promise<Finished> {
  const child = startProgram(program, args, env);
  const stdout = gather(child, "stdout");
  const stderr = gather(child, "stderr");
  child.stdin!.on("error", () => {});
  child.stdin!.end(stdin);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal, stdout: stdout(), stderr: stderr() };
}

/**
 * Starts a program of the repository under the Node of the tests, with pipes. Where it writes a secret, the test run fails.
 */
export function startProgram(
  program: string,
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): ChildProcess {
  // What the caller's shell says of Weir must not change the outcome.
  const plain = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith("WEIR_")));
  const child = spawn(process.execPath, [program, ...args], {
    cwd: repository,
    env: { ...plain, ...env },
    stdio: "pipe",
  });
  // A key that is made is shown once.
  const shown = args[0] === "keys" && args[1] === "create" ? ["stdout"] : [];
  expectNoSecrets(child, `weir ${args[0]}`, { args, env, shown });
  return child;
}

/**
 * Looks through what a program writes for the secrets that its arguments and its environment tell it, and for any key or
 * token. One that is found is an error that nobody catches, so that no test can pass it over.
 *
 * @param shown streams that are left out
 */
export function expectNoSecrets(
  child: ChildProcess,
  name: string,
  {
    args = [],
    env = {},
    shown = [],
  }: {
    readonly args?: readonly string[];
    readonly env?: NodeJS.ProcessEnv | undefined;
    readonly shown?: readonly string[];
  },
): void {
  for (const stream of ["stdout", "stderr"] as const) {
    if (shown.includes(stream)) continue;
    const check = createLeakCheck(args, env);
    child[stream]!.on("data", (piece: Buffer) => check.read(piece.toString("latin1")));
    child.once("close", () => {
      if (check.leak === undefined) return;
      const error = new Error(`${name} wrote a secret to ${stream}: ${check.leak}`);
      // Not from here, where it would keep those who wait for the end from hearing of it.
      setImmediate(() => {
        throw error;
      });
    });
  }
}

/** The text that a child has written so far. */
export function gather(child: ChildProcess, stream: "stdout" | "stderr"): () => string {
  const pieces: Buffer[] = [];
  child[stream]!.on("data", (piece: Buffer) => pieces.push(piece));
  return () => Buffer.concat(pieces).toString();
}
