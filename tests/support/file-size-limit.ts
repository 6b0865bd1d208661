import { execFile } from "node:child_process";
import { promisify } from "node:util";

/**
 * Limits the size of every file that a running process writes: a write beyond it comes in part, then fails, as on a full
 * disk. The limit can be lifted again.
 */
export async function limitFileSize(pid: number, bytes: number | "unlimited"): Promise<void> {
  await promisify(execFile)("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
}
