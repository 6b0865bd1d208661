/** Removes what builds, tests and a local server leave behind: dist, caches, and the data directory when asked to. */
import { rmSync } from "node:fs";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const targets = ["dist", ".cache", "coverage", ...(process.argv.includes("--data") ? ["data"] : [])];
for (const target of targets) rmSync(`${root}${target}`, { recursive: true, force: true });
console.log(`removed ${targets.join(", ")}`);
