/** What production depends on: licences, the list that is given to others, and no way in but the lockfile. */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { runCommand } from "../support/command.ts";
import { repository } from "../support/process.ts";

/** Licences that let whoever gets the program use, change and pass it on, by SPDX's names. */
const allowed = [
  "0BSD",
  "Apache-2.0",
  "BSD-2-Clause",
  "BSD-3-Clause",
  "BlueOak-1.0.0",
  "ISC",
  "MIT",
  "Unlicense",
];

interface LockedPackage {
  readonly version: string;
  readonly license?: string;
  readonly dev?: boolean;
}

interface Component {
  readonly name: string;
  readonly version: string;
  readonly properties: readonly { readonly name: string; readonly value: string }[];
  readonly hashes: readonly unknown[];
  readonly licenses: readonly unknown[];
}

const read = (path: string) => JSON.parse(readFileSync(join(repository, path), "utf8"));
const { packages } = read("package-lock.json") as { packages: Record<string, LockedPackage> };
const production = Object.entries(packages).filter(([path, { dev }]) => path !== "" && !dev);

const folder = "node_modules/";
const named = (some: [path: string, locked: LockedPackage][]) =>
  new Set(
    some.map(([path, { version }]) => `${path.slice(path.lastIndexOf(folder) + folder.length)}@${version}`),
  );

/** Whether all that an expression asks for is allowed: of OR one side is enough, of AND all are needed. */
function isAllowed(expression: string): boolean {
  const plain = expression.replaceAll(/[()]/g, "");
  return plain.split(" OR ").some((side) => side.split(" AND ").every((name) => allowed.includes(name)));
}

it("an expression is judged by all that it asks for", () => {
  const judged = [
    "MIT",
    "(MIT OR GPL-3.0-only)",
    "(Apache-2.0 AND BSD-3-Clause)",
    "MIT AND GPL-3.0-only",
    "SSPL",
  ];
  expect(judged.map(isAllowed)).toEqual([true, true, true, false, false]);
});

it("every production dependency has a licence of the list, in the lockfile and as it is installed", () => {
  expect(production.length).toBeGreaterThan(50);
  const refused = production.flatMap(([path, { license = "none" }]) => {
    // Those of other platforms are not installed.
    const manifest = join(path, "package.json");
    const installed = existsSync(join(repository, manifest)) ? read(manifest).license : license;
    return isAllowed(license) && installed === license ? [] : [`${path}: ${license}, ${installed}`];
  });
  expect(refused).toEqual([]);
});

it("npm run sbom lists every dependency with version, hash and licence, and which are of production, without network", async () => {
  // Whatever it asked for on the network would be refused at once.
  const env = { npm_config_registry: "http://127.0.0.1:1/", npm_config_offline: "true" };
  const { code, stdout, stderr } = await runCommand("npm", ["run", "--silent", "sbom"], { env });
  expect(code, stderr).toBe(0);
  const { bomFormat, components } = JSON.parse(stdout) as { bomFormat: string; components: Component[] };
  expect(bomFormat).toBe("CycloneDX");
  const listed = (some: readonly Component[]) =>
    new Set(some.map(({ name, version }) => `${name}@${version}`));
  const isDevelopment = ({ properties }: Component) =>
    properties.some(({ name, value }) => name === "cdx:npm:package:development" && value === "true");
  expect(listed(components)).toEqual(named(Object.entries(packages).filter(([path]) => path !== "")));
  expect(listed(components.filter((one) => !isDevelopment(one)))).toEqual(named(production));
  for (const { name, hashes, licenses } of components) {
    expect([hashes.length, licenses.length], name).toEqual([1, 1]);
  }
});

it("npm ci is the whole installation: no script of ours runs with it, and npm writes no addresses", () => {
  const { scripts } = read("package.json") as { scripts: Record<string, string> };
  const hooks = /^(pre|post)?(install|prepare|dependencies)$|^(pre|post)?prepublish$/;
  expect(Object.keys(scripts).filter((name) => hooks.test(name))).toEqual([]);
  expect(readFileSync(join(repository, ".npmrc"), "utf8")).toMatch(/^omit-lockfile-registry-resolved=true$/m);
});
