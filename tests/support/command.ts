import { spawn } from "node:child_process";
import { once } from "node:events";
import { expectNoSecrets, type Finished, gather, repository } from "./process.ts";

/** Longer than any of these commands takes; one that hangs is ended by it. */
const commandDeadlineMs = 60_000;

/** Runs another program (curl, buf, grpcurl) to its end. Where it writes a secret, the test run fails. */
export async function runCommand(
  command: string,
  args: readonly string[],
  { stdin, env, cwd = repository, deadlineMs = commandDeadlineMs }: CommandOptions = {},
): Promise<Finished> {
  const signal = AbortSignal.timeout(deadlineMs);
  const child = spawn(command, args, {
    cwd,
    env: { ...process.env, ...env },
    stdio: "pipe",
    signal,
  });
  expectNoSecrets(child, command, { args, env });
  const stdout = gather(child, "stdout");
  const stderr = gather(child, "stderr");
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  const [code, ended] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  return { code, signal: ended, stdout: stdout(), stderr: stderr() };
}

export interface CommandOptions {
  stdin?: string | Buffer;
  env?: NodeJS.ProcessEnv;
  /** Default: the repository. */
  cwd?: string;
  /** Milliseconds until the program is ended. Default 60,000. */
  deadlineMs?: number;
}
