/**
 * What the containers of docker-compose.yml run, as processes: the image's folder, its entry and its check of health, each
 * service's command and environment. Only addresses are others.
 */
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { type ClickhouseEngine, startEngine } from "../support/clickhouse.ts";
import { compose, environmentOf } from "../support/containers/compose.ts";
import { execForm } from "../support/containers/dockerfile.ts";
import { makeImage } from "../support/containers/image.ts";
import { patiently } from "../support/faults/load.ts";
import { caughtUp, getJson } from "../support/figures.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { runToEnd } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const platformKey = "a-platform-key-of-the-tests";
const directory = mkdtempSync(join(tmpdir(), "weir-containers-"));
const [, entry] = execForm("ENTRYPOINT") as [string, string];
const [, , ...checkHealth] = execForm("HEALTHCHECK");
let program: string;
let filesOfImage: string[];
let kafka: KafkaBroker;
let clickhouse: ClickhouseEngine;
let store: string;
const servers: RunningServer[] = [];
/** Where a process may write by mistake, and finds nothing. */
const elsewhere = { HOME: join(directory, "home"), TMPDIR: join(directory, "tmp") };

beforeAll(async () => {
  const image = await makeImage(directory);
  program = join(image, entry);
  filesOfImage = filesIn(image);
  for (const path of Object.values(elsewhere)) await mkdir(path);
  [kafka, clickhouse] = await Promise.all([startKafka(), startEngine()]);
  store = clickhouse.newDatabase();
});
afterEach(async () => {
  for (const server of servers.splice(0).reverse()) await server.stop();
});
afterAll(async () => {
  await Promise.allSettled([kafka?.close(), clickhouse?.close()]);
  rmSync(directory, { recursive: true, force: true });
});

/** But for packages, which are links here. */
function filesIn(folder: string): string[] {
  const names = readdirSync(folder).filter((name) => name !== "node_modules");
  return names.flatMap((name) => [
    name,
    ...readdirSync(folder, { recursive: true, encoding: "utf8" }).filter((path) =>
      path.startsWith(`${name}/`),
    ),
  ]);
}

/** A service's environment, with the addresses of these tests. */
function environment(name: string): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = environmentOf(compose.services[name]!, { WEIR_BOOTSTRAP_KEY: platformKey });
  const { WEIR_LOG, WEIR_STORE, WEIR_METRICS_LISTEN } = env;
  const { host, pathname } = new URL(store);
  return {
    ...env,
    ...elsewhere,
    // As on every address of a container, where this is found out by itself.
    WEIR_AUTH: "required",
    ...(WEIR_LOG ? { WEIR_LOG: WEIR_LOG.replace("kafka:9092", kafka.brokers.join(",")) } : {}),
    ...(WEIR_STORE
      ? { WEIR_STORE: WEIR_STORE.replace("clickhouse:8123", host).replace(/\/weir$/, pathname) }
      : {}),
    ...(WEIR_METRICS_LISTEN ? { WEIR_METRICS_LISTEN: "127.0.0.1:0" } : {}),
  };
}

/** A container's process. */
async function run(name: string, dataDir: string): Promise<RunningServer> {
  expect(compose.services[name]!.command ?? execForm("CMD")).toEqual(["serve"]);
  await mkdir(dataDir, { recursive: true });
  const server = await startServer({ program, env: environment(name), dataDir });
  servers.push(server);
  // As its container's health is asked for.
  await vi.waitFor(async () => {
    const checked = await runToEnd(program, checkHealth, { env: { WEIR_URL: server.url } });
    expect(checked).toMatchObject({ code: 0, stderr: "", stdout: `${server.url} is ready\n` });
  }, patiently);
  return server;
}

/** A key of a project, made by the first one as docs/CONTAINERS.md says. */
async function makeKey(url: string): Promise<string> {
  const command = ["keys", "create", "--scopes", "ingest,query", "--json"];
  const env = { WEIR_URL: url, WEIR_API_KEY: platformKey };
  const { code, stdout, stderr } = await runToEnd(program, command, { env });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return (JSON.parse(stdout) as { secret: string }).secret;
}

async function sendOne(url: string, key: string): Promise<void> {
  const body = JSON.stringify({ event: { id: "one", user_id: "u", name: "tick" } });
  const send = (headers: Record<string, string>) =>
    fetch(`${url}/v1/events`, {
      method: "POST",
      headers: { "content-type": "application/json", ...headers },
      body,
    });
  expect((await send({})).status).toBe(401);
  expect((await send({ "x-api-key": key })).status).toBe(200);
}

/** As Prometheus asks. */
async function expectFigures(server: RunningServer): Promise<void> {
  const line = server
    .log()
    .split("\n")
    .find((text) => text.includes("figures are served without a key"));
  const { url } = JSON.parse(line!) as { url: string };
  expect(await (await fetch(`${url}/metrics`)).text()).toContain("process_cpu_seconds_total");
}

function expectNothingWritten(dataDirs: readonly string[]): void {
  for (const path of [...Object.values(elsewhere), ...dataDirs]) expect(readdirSync(path)).toEqual([]);
  expect(filesIn(join(program, "../.."))).toEqual(filesOfImage);
}

it("embedded: one container keeps what it was sent in its volume, and writes nowhere else", async () => {
  const dataDir = join(directory, "volume");
  const first = await run("weir", dataDir);
  const key = await makeKey(first.url);
  await sendOne(first.url, key);
  await expectFigures(first);
  expect(await first.stop()).toBe(0);
  const second = await run("weir", dataDir);
  await caughtUp(second.url, 1, platformKey);
  expect(await getJson(second.url, "/v1/analytics/summary", {}, key)).toMatchObject({ total_events: "1" });
  expect(await second.stop()).toBe(0);
  expectNothingWritten([]);
});

it("distributed: topics and schema are made, then the three roles take, apply and answer, without a file", async () => {
  for (const name of ["topics", "schema"]) {
    // Once more as they are started again with everything else.
    for (let start = 0; start < 2; start++) {
      const done = await runToEnd(program, compose.services[name]!.command!, { env: environment(name) });
      expect(done).toMatchObject({ code: 0, stderr: "" });
    }
  }
  const folderOf = (name: string) => join(directory, `of-${name}`);
  const names = ["ingest", "consumer", "analytics"];
  const [ingest, , analytics] = await Promise.all(names.map((name) => run(name, folderOf(name))));
  const key = await makeKey(ingest!.url);
  await sendOne(ingest!.url, key);
  await caughtUp(analytics!.url, 1, platformKey);
  // A key of another process is known within a second.
  const summary = () => getJson(analytics!.url, "/v1/analytics/summary", {}, key);
  await vi.waitFor(async () => expect(await summary()).toMatchObject({ total_events: "1" }), patiently);
  for (const server of servers) await expectFigures(server);
  for (const server of servers) expect(await server.stop()).toBe(0);
  expectNothingWritten(names.map(folderOf));
});
