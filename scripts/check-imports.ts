/** Checks the direction of imports: which folder may import which, as docs/ARCHITECTURE.md draws it. */
import { readdirSync, readFileSync } from "node:fs";
import { builtinModules } from "node:module";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

/** What each folder may import besides packages and itself: folders, or single files. */
const allowed: Record<string, readonly string[]> = {
  "src/domain": ["gen"],
  "src/contract": ["gen", "src/domain"],
  "src/filter": ["src/domain", "src/contract"],
  "src/sequence": [],
  "src/log": ["src/domain"],
  "src/state": ["src/domain"],
  "src/store": ["src/domain", "src/filter", "src/sequence"],
  "src/visibility": ["src/domain", "src/log/log.ts", "src/state/state.ts", "src/store/store.ts"],
  "src/ingestion": ["src/domain", "src/contract", "gen", "src/log/log.ts", "src/visibility", "src/telemetry"],
  "src/consumer": [
    "src/domain",
    "gen",
    "src/log/log.ts",
    "src/log/assignment.ts",
    "src/store/store.ts",
    "src/telemetry",
  ],
  "src/live": ["src/domain", "src/filter", "src/log/log.ts"],
  "src/query": [
    "src/domain",
    "src/contract",
    "gen",
    "src/filter",
    "src/store/store.ts",
    "src/store/questions.ts",
    "src/store/sequences.ts",
    "src/store/exports.ts",
    "src/visibility",
    "src/live",
    "src/telemetry",
  ],
  "src/auth": ["src/domain", "src/contract", "src/state/state.ts", "src/state/followed.ts"],
  "src/admin": [
    "src/domain",
    "src/contract",
    "gen",
    "src/auth",
    "src/state/state.ts",
    "src/store/store.ts",
    "src/store/dead-letters.ts",
  ],
  "src/telemetry": ["src/domain", "gen"],
  "src/transport": ["src/domain", "src/contract", "gen", "src/auth/auth.ts", "src/telemetry"],
  "src/config": ["src/domain"],
  "src/cli": ["client", "src/config", "src/main.ts", "src/contract/json-days.ts"],
  "src/main.ts": [
    "src/app.ts",
    "src/app-keys.ts",
    "src/app-migrate.ts",
    "src/app-offsets.ts",
    "src/app-topics.ts",
    "src/config",
    "src/domain",
    "src/telemetry",
  ],
  ...Object.fromEntries(compositionRoot().map((file) => [file, ["src", "gen"]])),
  "client/core": ["gen"],
  "client/node": ["gen", "client/core"],
  "client/web": ["gen", "client/core"],
};

/** app.ts and its parts. */
function compositionRoot(): string[] {
  const files = readdirSync(fileURLToPath(new URL("../src", import.meta.url)));
  return files.filter((file) => /^app(-.*)?\.ts$/.test(file)).map((file) => `src/${file}`);
}

/** Packages that only one file may import. */
const confined: Record<string, readonly string[]> = {
  fastify: ["src/transport/fastify.ts"],
  "@connectrpc/connect-fastify": ["src/transport/fastify.ts"],
  jose: ["src/auth/tokens"],
  "classic-level": ["src/log/level/database.ts", "src/store/duckdb/id-table.ts"],
  "@duckdb/node-api": ["src/store/duckdb"],
  "@duckdb/node-bindings": ["src/store/duckdb/vectors.ts"],
  "@clickhouse/client": ["src/store/clickhouse"],
  kafkajs: ["src/log/kafka"],
  "node:http2": ["src/transport/fastify.ts"],
};

const root = fileURLToPath(new URL("..", import.meta.url));
const problems: string[] = [];

for (const top of ["src", "client"]) {
  for (const entry of readdirSync(join(root, top), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !/\.tsx?$/.test(entry.name)) continue;
    const file = relative(root, join(entry.parentPath, entry.name));
    for (const specifier of importsOf(readFileSync(join(root, file), "utf8"))) check(file, specifier);
  }
}
if (problems.length > 0) {
  console.error(problems.join("\n"));
  process.exit(1);
}

function importsOf(source: string): string[] {
  const found = source.matchAll(
    /(?:^|[;\s])(?:import|export)\s(?:[^'"();]*?\sfrom\s)?["']([^"']+)["']|import\(\s*["']([^"']+)["']/gm,
  );
  return [...found].map((match) => (match[1] ?? match[2])!);
}

function check(file: string, specifier: string): void {
  if (!specifier.startsWith(".")) {
    const name = specifier.startsWith("node:")
      ? specifier
      : specifier
          .split("/")
          .slice(0, specifier.startsWith("@") ? 2 : 1)
          .join("/");
    if (builtinModules.includes(name)) problems.push(`${file}: write node:${name}`);
    const only = confined[name];
    if (only && file.startsWith("src/") && !only.some((place) => inside(file, place))) {
      problems.push(`${file}: only ${only.join(", ")} may import ${name}`);
    }
    return;
  }
  const target = relative(root, join(root, dirname(file), specifier));
  const home = Object.keys(allowed).find((place) => inside(file, place));
  if (home === undefined)
    problems.push(`${file}: its folder is not in the table of scripts/check-imports.ts`);
  else if (!inside(target, home) && !allowed[home]!.some((place) => inside(target, place))) {
    problems.push(`${file}: ${home} may not import ${target}`);
  }
}

function inside(path: string, place: string): boolean {
  return path === place || path.startsWith(`${place}/`);
}
