/** Freezes processes. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as delay } from "node:timers/promises";

/** Its connections stay, and nothing is answered any more once this resolves; SIGCONT ends it. */
export async function stall(pid: number): Promise<void> {
  process.kill(pid, "SIGSTOP");
  // On a busy machine it goes on for a while.
  while (!isStopped(pid)) await delay(1);
}

/** Whether each of its threads stands still. */
function isStopped(pid: number): boolean {
  const tasks = `/proc/${pid}/task`;
  return readdirSync(tasks).every((task) => /\) T /.test(readFileSync(join(tasks, task, "stat"), "utf8")));
}
