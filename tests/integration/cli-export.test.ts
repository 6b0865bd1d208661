import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, it } from "vitest";
import { curl, curlJson } from "../support/curl.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { startPort } from "./transport-support.ts";

const directory = mkdtempSync(join(tmpdir(), "weir-cli-export-"));
let server: RunningServer;

beforeAll(async () => {
  server = await startServer();
  const events = Array.from({ length: 24 }, (_, hour) => ({
    id: `e${hour}`,
    user_id: "u",
    name: hour % 2 === 0 ? "even" : "odd",
    timestamp: `2024-01-01T${String(hour).padStart(2, "0")}:00:00Z`,
  }));
  await curlJson(`${server.url}/v1/events/batch`, { events, options: { durability: "DURABILITY_APPLIED" } });
});
afterAll(async () => {
  await server.stop();
  rmSync(directory, { recursive: true });
});

const run = (...args: string[]) => weir(["export", "--url", server.url, ...args]);
const file = (name: string) => join(directory, name);
const ids = (ndjson: string) =>
  ndjson
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line).id);

it("writes what curl gets, to a file or to standard output", async () => {
  const { body } = await curl(`${server.url}/v1/analytics/export`);
  expect(ids(body)).toHaveLength(24);
  expect(await run()).toMatchObject({ code: 0, stdout: body, stderr: "" });
  expect(await run("--out", file("all.ndjson.gz"))).toMatchObject({ code: 0, stdout: "", stderr: "" });
  expect(gunzipSync(readFileSync(file("all.ndjson.gz"))).toString()).toBe(body);
  const csv = await curl(`${server.url}/v1/analytics/export?format=EXPORT_FORMAT_CSV`);
  expect(await run("--format", "csv")).toMatchObject({ code: 0, stdout: csv.body });
  expect(await run("--format", "parquet", "--out", file("all.parquet"))).toMatchObject({ code: 0 });
  expect(readFileSync(file("all.parquet"), "latin1")).toMatch(/^PAR1.*PAR1$/s);
});

it("writes the events of a range and a filter, and an empty file where there are none", async () => {
  const range = ["--start", "2024-01-01T06:00:00Z", "--end", "2024-01-01T12:00:00+01:00"];
  expect(ids((await run(...range, "--filter", 'name == "even"')).stdout)).toEqual(["e6", "e8", "e10"]);
  expect(await run("--start", "2024-01-02", "--out", file("none.ndjson"))).toMatchObject({ code: 0 });
  expect(readFileSync(file("none.ndjson"), "utf8")).toBe("");
});

it("leaves no file where the export breaks off or is refused", async () => {
  const port = await startPort();
  const broken = await weir(["export", "--url", port.url, "--filter", "break", "--out", file("broken.csv")]);
  await port.transport.close(1000);
  expect(broken).toMatchObject({ code: 1, stderr: expect.stringContaining("broke off") });
  expect(await run("--filter", "nope", "--out", file("refused.csv"))).toMatchObject({ code: 3 });
  expect(readdirSync(directory).filter((name) => /broken|refused/.test(name))).toEqual([]);
});

it.each([
  [["--start", "yesterday"], "--start"],
  [["--format", "xml"], "--format"],
  [["file.csv"], "--out"],
  [["--out", "/nowhere/at/all.csv"], "cannot write"],
])("tells a mistake in %s", async (args, told) => {
  expect(await run(...args)).toMatchObject({ code: 2, stderr: expect.stringContaining(told) });
});
