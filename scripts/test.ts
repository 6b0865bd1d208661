/**
 * Runs every check and test that this machine can run, and prints the totals last.
 *
 *   --fast    checks, unit and contract tests
 *   --checks  checks only
 *
 * With CI=true a skipped test fails the run.
 */
import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const fast = process.argv.includes("--fast");
const checksOnly = process.argv.includes("--checks");

const checks: [name: string, command: string, ...args: string[]][] = [
  ["format and lint", "biome", "ci", "--error-on-warnings", "."],
  ["types", "tsc", "--noEmit"],
  ["import direction", "node", "scripts/check-imports.ts"],
  ["lockfile", "node", "scripts/check-lockfile.ts"],
  ["contract: lint, breaking changes, generated code", "node", "scripts/check-proto.ts"],
  ["rules for Kubernetes", "node", "scripts/kubernetes-rules.ts", "--check"],
];

for (const [name, command, ...args] of checks) {
  const started = Date.now();
  run(command, args, name);
  console.log(`✓ ${name} (${((Date.now() - started) / 1000).toFixed(1)} s)`);
}
if (checksOnly) process.exit(0);

mkdirSync(`${root}.cache`, { recursive: true });
const report = `${root}.cache/vitest.json`;
const projects = fast ? ["--project", "unit", "--project", "contract"] : [];
run(
  "vitest",
  ["run", ...projects, "--reporter=default", "--reporter=json", `--outputFile.json=${report}`],
  "tests",
);

interface Report {
  numPassedTests: number;
  numFailedTests: number;
  numPendingTests: number;
  numTodoTests: number;
}
const totals = JSON.parse(readFileSync(report, "utf8")) as Report;
const skipped = totals.numPendingTests + totals.numTodoTests;
if (skipped > 0 && process.env.CI === "true") {
  console.error(`${skipped} tests were skipped, which CI does not allow`);
  process.exitCode = 1;
}
console.log(
  `${totals.numPassedTests} passed, ${totals.numFailedTests} failed${skipped > 0 ? `, ${skipped} skipped` : ""}`,
);

function run(command: string, args: readonly string[], name: string): void {
  const result = spawnSync(command, args, { cwd: root, stdio: "inherit" });
  if (result.status !== 0) {
    console.error(`✗ ${name} failed${result.error ? `: ${result.error.message}` : ""}`);
    process.exit(result.status ?? 1);
  }
}
