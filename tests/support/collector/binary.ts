import { join } from "node:path";
import { runCommand } from "../command.ts";
import { fetched, isCommand, isFetched } from "../fetched.ts";
import { repository } from "../process.ts";

/** Of the modules in go.mod. */
const name = "collector-0.165.0";
/** One and a half minutes where both cores are free, once. */
const buildDeadlineMs = 900_000;

/** Whether tests with a collector are left out, because this machine has no Go, which is said; never with CI=true. */
export function withoutCollector(): boolean {
  if (process.env.CI === "true" || isFetched(name) || isCommand("go")) return false;
  console.log("left out: tests with an OpenTelemetry collector, because go is not there");
  return true;
}

/** Path of the collector's program, which is built once and kept. */
export async function collectorBinary(): Promise<string> {
  const folder = await fetched(name, async (made) => {
    const sources = join(repository, "tests/support/collector");
    const args = ["build", "-C", sources, "-ldflags=-s -w", "-o", join(made, "collector"), "."];
    const { code, stdout, stderr } = await runCommand("go", args, { deadlineMs: buildDeadlineMs });
    if (code !== 0) throw new Error(`the collector could not be built:\n${stdout}${stderr}`);
  });
  return join(folder, "collector");
}

/** Before the tests of the project, whose deadlines are shorter. */
export default async function build(): Promise<void> {
  await collectorBinary();
}
