import { readFileSync } from "node:fs";
import { findPackageJSON } from "node:module";

/** Weir's version, as its package says. */
export function packageVersion(): string {
  const found = findPackageJSON(import.meta.url);
  return found === undefined
    ? "unknown"
    : (JSON.parse(readFileSync(found, "utf8")) as { version: string }).version;
}
