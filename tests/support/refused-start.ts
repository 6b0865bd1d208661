import { once } from "node:events";
import { expect } from "vitest";
import { gather, startProgram } from "./process.ts";

const deadlineMs = 60_000;

/** Runs `weir serve`, which must end by itself, and whose standard error must be one line. */
export async function refusedStart(
  args: readonly string[],
  env?: NodeJS.ProcessEnv,
): Promise<{ code: number | null; line: string }> {
  const child = startProgram("bin/weir.js", ["serve", ...args], env);
  const stderr = gather(child, "stderr");
  const stdout = gather(child, "stdout");
  // A server that runs after all is not left behind.
  child.stdout!.on("data", () => {
    if (stdout().includes('"msg":"listening"')) child.kill("SIGKILL");
  });
  const overdue = setTimeout(() => child.kill("SIGKILL"), deadlineMs);
  const [code, signal] = (await once(child, "close")) as [number | null, NodeJS.Signals | null];
  clearTimeout(overdue);
  expect(signal, stdout() + stderr()).toBeNull();
  const line = stderr().trimEnd();
  expect(line).not.toContain("\n");
  expect(line).toMatch(/^weir serve: /);
  return { code, line };
}
