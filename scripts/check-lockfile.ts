/** Checks that the lockfile pins every package by version and hash, and holds no address that one machine got it from. */
import { readFileSync } from "node:fs";

interface LockedPackage {
  readonly version?: string;
  readonly resolved?: string;
  readonly integrity?: string;
}

const lockfile = new URL("../package-lock.json", import.meta.url);
const { packages } = JSON.parse(readFileSync(lockfile, "utf8")) as {
  packages: Record<string, LockedPackage>;
};

const problems = Object.entries(packages).flatMap(([path, { version = "", resolved, integrity }]) => {
  if (path === "") return [];
  return [
    ...(resolved === undefined ? [] : [`${path} has an address, ${resolved}`]),
    ...(/^\d+\.\d+\.\d+/.test(version) ? [] : [`${path} has no version, but ${JSON.stringify(version)}`]),
    ...(integrity?.startsWith("sha512-") ? [] : [`${path} has no SHA-512`]),
  ];
});
for (const problem of problems) console.error(`package-lock.json: ${problem}`);
if (problems.length > 0) process.exit(1);
