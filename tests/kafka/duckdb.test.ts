/** A log on Kafka that one process applies to its DuckDB store. */
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { withAdmin } from "../../src/log/kafka/admin.ts";
import { allEvents, caughtUp, getJson, summary } from "../support/figures.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const count = 12_000;
let kafka: KafkaBroker;
let directory: string;
let file: string;
/** Identities of the file's events. */
let identities: string[];
let prefixes = 0;
const servers: RunningServer[] = [];

const patiently = { timeout: 60_000, interval: 20 };

interface SentEvent {
  readonly id: string;
  readonly user_id: string;
}
const identityOf = ({ user_id, id }: SentEvent) => `${user_id} ${id}`;

beforeAll(async () => {
  kafka = await startKafka();
  directory = await mkdtemp(join(tmpdir(), "weir-duckdb-"));
  file = join(directory, "events.ndjson.gz");
  const flags = ["--events", String(count), "--users", "500", "--out", file];
  expect(await weir(["generate-data", ...flags])).toMatchObject({ code: 0 });
  const lines = gunzipSync(await readFile(file))
    .toString()
    .trimEnd()
    .split("\n");
  identities = lines.map((line) => identityOf(JSON.parse(line) as SentEvent)).sort();
});
afterEach(async () => {
  for (const server of servers.splice(0).reverse()) await server.stop();
});
afterAll(async () => {
  await kafka?.close();
  await rm(directory, { recursive: true, force: true });
});

/** A log of its own. @returns what starts processes of these roles on it */
async function newLog(): Promise<(roles: string) => Promise<RunningServer>> {
  const env = {
    WEIR_LOG: `kafka://${kafka.brokers.join(",")}/log-${++prefixes}`,
    WEIR_KAFKA_GROUP: `group-${prefixes}`,
    // So that a process that dies is missed soon.
    WEIR_KAFKA_SESSION_TIMEOUT: "2s",
  };
  expect(await weir(["topics", "create"], { env })).toMatchObject({ code: 0, stderr: "" });
  return async (roles) => {
    const server = await startServer({ env: { ...env, WEIR_ROLES: roles } });
    servers.push(server);
    return server;
  };
}

async function send(url: string) {
  const { code, stdout, stderr } = await weir(["send", file, "--url", url, "--json", "--batch", "200"]);
  expect(code, stderr).toBe(0);
  return JSON.parse(stdout) as { read: number; accepted: number; duplicates: number; rejected: number };
}

/** Each of the file's events counts once, and nothing else. @param records how many the log has at least */
async function expectEachOnce(url: string, records: number): Promise<void> {
  const total = async () => (await summary(url)).total_events;
  await vi.waitFor(async () => expect(await total()).toBe(String(count)), patiently);
  await caughtUp(url, records);
  expect((await summary(url)).total_events).toBe(String(count));
  expect((await allEvents(url)).map(identityOf).sort()).toEqual(identities);
}

async function membershipOf(url: string): Promise<{ status: string; message: string }> {
  const { components } = await (await fetch(`${url}/health`)).json();
  return components.find(({ name }: { name: string }) => name === "membership");
}

async function metricsOf(url: string): Promise<string> {
  return (await fetch(`${url}/metrics`)).text();
}

/** What a process tells of all partitions together: by its metrics, and by `/lag`. */
async function toldBy(url: string): Promise<Record<"lag" | "log" | "applied" | "behind", number>> {
  const text = await metricsOf(url);
  const sum = (name: string) =>
    [...text.matchAll(new RegExp(`^${name}\\{.*\\} (\\d+)$`, "gm"))].reduce(
      (all, [, one]) => all + Number(one),
      0,
    );
  const { partitions } = await getJson(url, "/lag", {});
  return {
    lag: sum("kafka_consumer_lag_total"),
    log: sum("weir_log_end_offset"),
    applied: sum("weir_log_applied_offset"),
    behind: partitions.reduce(
      (all: number, { end, applied }: { end: number; applied: number }) => all + end - applied,
      0,
    ),
  };
}

describe("one process of all roles", () => {
  it("that is killed while events come counts each once, also of those that come again", async () => {
    let server = await (await newLog())("all");
    const sending = send(server.url);
    for (const part of [0.2, 0.6]) {
      const applied = async () => Number((await summary(server.url)).total_events);
      await vi.waitFor(async () => expect(await applied()).toBeGreaterThan(count * part), patiently);
      await server.kill9();
      server = await server.restart();
      servers.push(server);
    }
    const { read, accepted, duplicates, rejected } = await sending;
    expect({ read, rejected }).toEqual({ read: count, rejected: 0 });
    expect(accepted + duplicates).toBe(count);
    await expectEachOnce(server.url, accepted);

    // With its end it forgets what came before: copies reach the log, and are dropped as they are applied.
    await server.kill9();
    server = await server.restart();
    servers.push(server);
    const again = await send(server.url);
    expect(again).toMatchObject({ read: count, rejected: 0 });
    expect(again.accepted).toBeGreaterThan(0);
    await expectEachOnce(server.url, accepted + again.accepted);
  });
});

describe("ingest apart", () => {
  it("has its events counted by the process that is consumer and analytics, and followed by its successor", async () => {
    const serve = await newLog();
    const [ingest, first] = await Promise.all([serve("ingest"), serve("consumer,analytics")]);
    expect(await send(ingest.url)).toMatchObject({ read: count, rejected: 0 });
    await expectEachOnce(first.url, count);
    expect(await membershipOf(first.url)).toEqual({ name: "membership", status: "healthy", message: "" });

    const spare = await serve("consumer,analytics");
    await vi.waitFor(async () => {
      expect(await membershipOf(spare.url)).toMatchObject({
        status: "degraded",
        message: expect.stringContaining("a spare"),
      });
    }, patiently);
    // It tells how far the other is: what of the log its own store has is nobody's lag.
    await vi.waitFor(async () => expect(await toldBy(spare.url)).toEqual(await toldBy(first.url)), patiently);
    expect(await toldBy(spare.url)).toMatchObject({ lag: 0, log: count, applied: count, behind: 0 });
    expect(await metricsOf(spare.url)).toContain('\nweir_part_health{part="membership"} 0.5\n');
    const ready = await fetch(`${spare.url}/ready`);
    expect(ready.status).toBe(503);
    expect(await ready.json()).toMatchObject({ ready: false, failing: [{ name: "membership" }] });
    const isTold = (what: RegExp) => vi.waitFor(() => expect(spare.log()).toMatch(what), patiently);
    await isTold(/a spare of group \S+: .* waits for its share/);

    for (const path of ["/v1/analytics/summary", "/v1/analytics/export", "/v1/admin/dead-letters"]) {
      const answer = await fetch(`${spare.url}${path}`);
      expect(answer.status, path).toBe(503);
      expect(answer.headers.get("retry-after"), path).toBe("1");
      expect((await answer.json()).details[0].reason, path).toBe("STORE_UNAVAILABLE");
    }
    expect((await fetch(`${spare.url}/v1/analytics/metrics`)).status).toBe(200);

    // Its own store has everything once it has applied the log from its beginning, and tells nothing before.
    await first.kill9();
    const told = new Set<string>();
    await vi.waitFor(
      async () => {
        const answer = await fetch(`${spare.url}/v1/analytics/summary`);
        const body = await answer.json();
        if (answer.ok) told.add(body.total_events);
        else expect(body.details[0].reason).toBe("STORE_UNAVAILABLE");
        expect((await fetch(`${spare.url}/ready`)).status).toBe(200);
      },
      { timeout: 60_000, interval: 1 },
    );
    await expectEachOnce(spare.url, count);
    expect([...told].filter((total) => total !== String(count))).toEqual([]);
    expect((await membershipOf(spare.url)).status).toBe("healthy");
    await isTold(/applies 8 of 8 partitions, as group \S+ has it: 0, 1, 2/);
  });

  it("leaves the log to one that can go on where the process that has it cannot, and asks no such one", async () => {
    const serve = await newLog();
    const whole = await serve("all");
    const headers = { "content-type": "application/json" };
    for (let i = 1; i <= 20; i++) {
      const event = { id: `e-${i}`, user_id: `user-${i}`, name: "own" };
      const body = JSON.stringify({ event, options: { durability: "DURABILITY_APPLIED" } });
      expect((await fetch(`${whole.url}/v1/events`, { method: "POST", headers, body })).status).toBe(200);
    }
    const empty = await serve("consumer,analytics");
    const topic = `log-${prefixes}.events`;
    const all = Array.from({ length: 8 }, (_, partition) => ({ partition, offset: "-1" }));
    await withAdmin(kafka, async (admin) => {
      // The client looks a topic's leaders up only in what it has asked for before.
      await admin.fetchTopicOffsets(topic);
      await admin.deleteTopicRecords({ topic, partitions: all });
    });

    await whole.kill9();
    await vi.waitFor(
      () => expect(empty.log()).toContain("has left its group: stopped: partition"),
      patiently,
    );
    const answer = await fetch(`${empty.url}/v1/analytics/summary`);
    expect(answer.status).toBe(503);
    expect((await answer.json()).details[0].reason).toBe("STORE_UNAVAILABLE");
    expect(await membershipOf(empty.url)).toMatchObject({
      status: "unhealthy",
      message: expect.stringContaining("it can apply nothing any more"),
    });

    const again = await whole.restart();
    servers.push(again);
    const isReady = async () => expect((await fetch(`${again.url}/ready`)).status).toBe(200);
    await vi.waitFor(isReady, patiently);
    expect((await summary(again.url)).total_events).toBe("20");
  });

  it("waits for what the other process has applied", async () => {
    const serve = await newLog();
    const [ingest, analytics] = await Promise.all([serve("ingest"), serve("consumer,analytics")]);
    // Until the group has given it the log it is no better than a spare.
    await vi.waitFor(
      async () => expect((await membershipOf(analytics.url)).status).toBe("healthy"),
      patiently,
    );
    const headers = { "content-type": "application/json" };
    for (let i = 1; i <= 20; i++) {
      const event = { id: `e-${i}`, user_id: `user-${i % 5}`, name: "own" };
      const durability = i % 2 === 0 ? "DURABILITY_APPLIED" : "DURABILITY_DURABLE";
      const body = JSON.stringify({ event, options: { durability } });
      const sent = await (await fetch(`${ingest.url}/v1/events`, { method: "POST", headers, body })).json();
      expect(sent).toMatchObject({ result: "INGEST_RESULT_ACCEPTED" });
      const visibility = i % 2 === 0 ? {} : { min_visibility: sent.visibility_token };
      const counted = await getJson(analytics.url, "/v1/analytics/summary", visibility);
      expect(counted.total_events).toBe(String(i));
    }
  });
});
