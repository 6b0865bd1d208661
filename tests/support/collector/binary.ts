import { existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runCommand } from "../command.ts";
import { repository } from "../process.ts";

/** Of the modules in go.mod. */
const version = "0.165.0";
const cache = join(repository, ".cache");
const cached = join(cache, `collector-${version}`);
/** One and a half minutes where both cores are free, once. */
const buildDeadlineMs = 900_000;

/** Whether tests with a collector are left out, because this machine has no Go, which is said; never with CI=true. */
export function withoutCollector(): boolean {
  if (process.env.CI === "true" || existsSync(cached)) return false;
  const folders = (process.env.PATH ?? "").split(delimiter);
  if (folders.some((folder) => existsSync(join(folder, "go")))) return false;
  console.log("left out: tests with an OpenTelemetry collector, because go is not there");
  return true;
}

/** Path of the collector's program, which is built once and kept. */
export async function collectorBinary(): Promise<string> {
  if (existsSync(cached)) return cached;
  mkdirSync(cache, { recursive: true });
  const made = `${cached}.${process.pid}`;
  const folder = join(repository, "tests/support/collector");
  const args = ["build", "-C", folder, "-ldflags=-s -w", "-o", made, "."];
  const { code, stdout, stderr } = await runCommand("go", args, { deadlineMs: buildDeadlineMs });
  if (code !== 0) throw new Error(`the collector could not be built:\n${stdout}${stderr}`);
  renameSync(made, cached);
  rmSync(made, { force: true });
  return cached;
}

/** vitest's: before the tests, whose deadlines are shorter. */
export default async function setup(): Promise<void> {
  await collectorBinary();
}
