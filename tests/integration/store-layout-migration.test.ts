import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readdirSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import { DuckDBInstance } from "@duckdb/node-api";
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { store1Tables } from "../support/formats/store-1.ts";
import { patiently } from "../support/store.ts";

let directory: string;
let path: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-store-"));
  path = join(directory, "events.duckdb");
});
afterEach(() => rmSync(directory, { recursive: true }));

const uuid = "0189d5a4-1c2b-4d3e-8f90-a1b2c3d4e5f6";
/** What version 2 tells apart: ids that are UUIDs, nearly so, or not; keys that are frequent, rare or odd; empty values. */
const ids = [uuid, uuid.toUpperCase(), uuid.replaceAll("-", ""), `{${uuid}}`, "plain", "", "é\u{1F600}"];
const properties = [
  { plan: "pro", "it's": "x" },
  { plan: "" },
  {},
  { plan: "free", rare: "1", "a\0b": "nul" },
  { plan: "pro", "it's": "" },
  { plan: "pro", __proto_: "p" },
  { "it's": "y", é: "z" },
];
const measures = [{ n: 0 }, { n: -1.5 }, {}, { n: 2, m: 1e300 }, { n: 3 }, {}, { n: 4 }];

async function writeVersion1(
  rows: (run: (sql: string, values?: unknown[]) => Promise<unknown>) => Promise<void>,
) {
  const instance = await DuckDBInstance.create(path);
  const connection = await instance.connect();
  for (const statement of store1Tables) await connection.run(statement);
  await connection.run("INSERT INTO meta VALUES ('schema_version', '1'), ('log_id', 'log')");
  await rows((sql, values) => connection.run(sql, values as never));
  connection.closeSync();
  instance.closeSync();
}

it("brings what a store of version 1 holds over as it is", async () => {
  await writeVersion1(async (run) => {
    await run("INSERT INTO positions VALUES (0, 7), (1, 3)");
    await run("INSERT INTO users VALUES (1, 'p', 'u'), (2, 'q', 'u')");
    await run("INSERT INTO dead_letters VALUES (1, 2, 'p', 'INVALID_EVENT', 'why', 5, '\\x01'::BLOB)");
    for (const [i, id] of ids.entries()) {
      await run(
        `INSERT INTO events SELECT 'p', $1, 1, 'u', 's', 'view', 'user', 'web', $2, 9,
           map_from_entries(from_json($3, '[{"key":"VARCHAR","value":"VARCHAR"}]')),
           map_from_entries(from_json($4, '[{"key":"VARCHAR","value":"DOUBLE"}]')), 0, $2`,
        [
          id,
          i,
          JSON.stringify(Object.entries(properties[i]!).map(([key, value]) => ({ key, value }))),
          JSON.stringify(Object.entries(measures[i]!).map(([key, value]) => ({ key, value }))),
        ],
      );
    }
  });
  const warnings: string[] = [];
  const store = await createDuckdbStore({
    path,
    warn: (warning) => warnings.push(warning),
    keyColumns: { share: 0.3 },
  });
  expect(warnings).toEqual([`${path} was migrated from schema version 1 to 3`]);
  expect(store.logId).toBe("log");
  expect(store.positions()).toEqual([7, 3]);
  expect(store.stats()).toMatchObject({ rows: ids.length, users: 2 });
  const list = { kind: "events", selection: { project: "p" }, limit: 100 } as const;
  const { events } = await store.ask(list, patiently());
  expect(events.toReversed()).toEqual(
    ids.map((id, i) => ({
      id,
      userId: "u",
      sessionId: "s",
      name: "view",
      eventType: "user",
      source: "web",
      timestampUs: i,
      receivedUs: 9,
      properties: properties[i],
      measures: measures[i],
      partition: 0,
      offset: i,
    })),
  );
  await store.close();
  expect(readdirSync(directory)).toEqual(["events.duckdb"]);

  const instance = await DuckDBInstance.create(path, { access_mode: "READ_ONLY" });
  const connection = await instance.connect();
  const layout = await connection.runAndReadAll("SELECT key, name FROM key_columns ORDER BY place");
  expect(layout.getRows()).toEqual([
    ["plan", "p0"],
    ["it's", "p1"],
    ["n", "m0"],
  ]);
  const uuids = await connection.runAndReadAll("SELECT count(*)::INTEGER FROM events WHERE id IS NOT NULL");
  expect(uuids.getRows()).toEqual([[1]]);
  const letters = await connection.runAndReadAll("SELECT count(*)::INTEGER FROM dead_letters");
  expect(letters.getRows()).toEqual([[1]]);
  connection.closeSync();
  instance.closeSync();
});

it("migrates again from the start after a kill -9 at any moment, and counts the same", async () => {
  const rows = 400_000;
  await writeVersion1(async (run) => {
    await run("INSERT INTO positions VALUES (0, $1)", [rows]);
    await run("INSERT INTO users SELECT range + 1, 'p', 'u' || range FROM range(1000)");
    await run(
      `INSERT INTO events SELECT 'p', uuid()::VARCHAR, range % 1000 + 1, 'u' || range % 1000, '', 'view', 'user', '',
         range, range, MAP {'plan': 'plan-' || range % 3, 'k' || range % 5000: 'x'}, MAP {'n': range}, 0, range
       FROM range($1)`,
      [rows],
    );
  });
  const script = `import(process.argv[1])
    .then(({ createDuckdbStore }) => createDuckdbStore({ path: process.argv[2] }))
    .then(() => console.log("open"));
    process.stdin.resume();`;
  const module = new URL("../../src/store/duckdb/store.ts", import.meta.url).href;
  let cutShort = 0;
  for (let round = 0; round < 6; round++) {
    const started = Date.now();
    const writes = () => (statSync(`${path}.migrating`, { throwIfNoEntry: false })?.mtimeMs ?? 0) >= started;
    const child = spawn(process.execPath, ["-e", script, module, path], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    let open = false;
    child.stdout.once("data", () => {
      open = true;
    });
    const exited = once(child, "exit");
    await vi.waitFor(() => expect(writes() || open).toBe(true), {
      timeout: 60_000,
      interval: 1,
    });
    // Not a wait for anything: it only moves the kill to another point of the migration.
    await setTimeout(round * 60);
    if (!open) cutShort++;
    child.kill("SIGKILL");
    await exited;
  }
  expect(cutShort).toBeGreaterThan(0);

  const store = await createDuckdbStore({ path });
  expect(store.positions()).toEqual([rows]);
  const selection = { project: "p" };
  const plans = await store.ask(
    {
      kind: "breakdown",
      selection,
      metric: { kind: "sum", measure: "n" },
      dimension: { kind: "property", key: "plan" },
      limit: 10,
    },
    patiently(),
  );
  expect(plans.total).toBe((rows * (rows - 1)) / 2);
  expect(plans.rows.map(({ value }) => value).sort()).toEqual(["plan-0", "plan-1", "plan-2"]);
  const keys = await store.ask({ kind: "dimensions", selection, limit: 10_000 }, patiently());
  expect([keys.properties.length, keys.measures.length]).toEqual([5001, 1]);
  expect(keys.properties.slice(0, 2)).toEqual([
    { key: "plan", events: rows },
    { key: "k0", events: rows / 5000 },
  ]);
  await store.close();
  expect(readdirSync(directory)).toEqual(["events.duckdb"]);
});
