import { existsSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { runCommand } from "../support/command.ts";
import { documentOf } from "../support/documented.ts";
import { repository } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-package-"));
const root = join(directory, "package");

/** What npm would publish, unpacked, with the dependencies of this checkout. */
beforeAll(async () => {
  const env = { npm_config_loglevel: "error" };
  const built = await runCommand("npm", ["run", "build"], { env, deadlineMs: 120_000 });
  expect(built.code, built.stderr).toBe(0);
  const packed = await runCommand("npm", ["pack", "--json", "--pack-destination", directory], { env });
  expect(packed.code, packed.stderr).toBe(0);
  const unpacked = await runCommand("bash", ["-c", `tar -xzf ${directory}/*.tgz -C ${directory}`]);
  expect(unpacked.code, unpacked.stderr).toBe(0);
  symlinkSync(join(repository, "node_modules"), join(root, "node_modules"));
});
afterAll(() => rmSync(directory, { recursive: true }));

describe("the package", () => {
  test("holds the program and its contract, and no sources or tests", () => {
    for (const kept of ["bin/weir.js", "dist/src/main.js", "dist/client/web/index.js", "proto", "LICENSE"]) {
      expect(existsSync(join(root, kept)), kept).toBe(true);
    }
    for (const left of ["src", "tests", "scripts"]) expect(existsSync(join(root, left)), left).toBe(false);
  });

  test("serves from dist", async () => {
    const server: RunningServer = await startServer({ program: join(root, "bin/weir.js") });
    try {
      const body = JSON.stringify({
        event: { id: "e", user_id: "u" },
        options: { durability: "DURABILITY_APPLIED" },
      });
      const headers = { "content-type": "application/json" };
      const sent = await fetch(`${server.url}/v1/events`, { method: "POST", headers, body });
      expect(await sent.json()).toMatchObject({ result: "INGEST_RESULT_ACCEPTED" });
      const summary = await fetch(`${server.url}/v1/analytics/summary`);
      expect(await summary.json()).toMatchObject({ total_events: "1" });
    } finally {
      expect(await server.stop()).toBe(0);
    }
  });

  test("exports the clients by name", async () => {
    const { exports } = JSON.parse((await runCommand("cat", [join(root, "package.json")])).stdout) as {
      exports: Record<string, string>;
    };
    for (const target of Object.values(exports)) {
      const loaded = (await import(pathToFileURL(join(root, target)).href)) as Record<string, unknown>;
      expect(Object.keys(loaded).length, target).toBeGreaterThan(0);
    }
  });

  test("runs as npx weir in a clone", async () => {
    const { code, stdout, stderr } = await runCommand("npx", ["weir", "--help"]);
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("Usage: weir COMMAND");
  });

  test("is the command weir from anywhere by the link that docs/CLI.md makes in a clone", async () => {
    const block = /```bash\n([\s\S]*?)```/.exec(documentOf("docs/CLI.md"))![1]!;
    const home = mkdtempSync(join(directory, "home-"));
    const script = `set -e\n${block}cd /\nPATH="$HOME/.local/bin:$PATH" weir --help`;
    const { code, stdout, stderr } = await runCommand("bash", ["-c", script], { env: { HOME: home } });
    expect(code, stderr).toBe(0);
    expect(stdout).toContain("Usage: weir COMMAND");
  });
});
