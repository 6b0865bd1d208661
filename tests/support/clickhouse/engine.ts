/** ClickHouse's engine for tests: chdb from PyPI, fetched once into .cache, which is ignored. */
import { spawnSync } from "node:child_process";
import { runCommand } from "../command.ts";
import { fetchDeadlineMs, fetched, isFetched } from "../fetched.ts";

/** The engine alone, without what chdb adds for tables of Python. */
const requirement = "chdb-core==26.9.0";
const name = "chdb-26.9.0";

/**
 * Whether tests with ClickHouse are left out, because this machine has no Python or no pip, which is said on standard
 * output; never with CI=true, nor where WEIR_TEST_CLICKHOUSE names a server.
 */
export function withoutClickhouse(): boolean {
  if (process.env.CI === "true" || process.env.WEIR_TEST_CLICKHOUSE !== undefined) return false;
  const runs = (...args: string[]) => spawnSync("python3", args, { stdio: "ignore" }).status === 0;
  const absent = !runs("--version")
    ? "python3"
    : isFetched(name) || runs("-m", "pip", "--version")
      ? ""
      : "pip";
  if (absent === "") return false;
  console.log(`left out: tests with ClickHouse, because ${absent} is not there`);
  return true;
}

/** Folder of the engine's Python packages (230 MB), which pip fetches once and which are kept. */
export function clickhousePackages(): Promise<string> {
  return fetched(name, async (folder) => {
    const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder];
    const options = { deadlineMs: fetchDeadlineMs };
    const { code, stderr } = await runCommand("python3", [...args, "--no-deps", requirement], options);
    if (code !== 0) throw new Error(`pip could not fetch chdb:\n${stderr}`);
  });
}
