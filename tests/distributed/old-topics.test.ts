/** Topics and stores of each older format, as their versions wrote them, and of newer ones, which are refused. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, errorReason, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { type ClickhouseEngine, startEngine } from "../support/clickhouse.ts";
import { caughtUp } from "../support/figures.ts";
import { commits1, runOnClickhouse, writeClickhouse1 } from "../support/formats/clickhouse-1.ts";
import { oldApplied, oldEvents, oldLogId } from "../support/formats/events.ts";
import { writeIds1 } from "../support/formats/ids-1.ts";
import { changeEntry, entriesOf } from "../support/formats/newer.ts";
import { encodeRecord1 } from "../support/formats/record-1.ts";
import { writeStore3 } from "../support/formats/store-3.ts";
import { token1 } from "../support/formats/token-1.ts";
import { writeTopics1 } from "../support/formats/topics-1.ts";
import { commitByJava, sendByJava } from "../support/kafka/records.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const receivedMs = Date.now();
const [viewOfAnn, , viewOfBob, signUp] = oldEvents;

/** Behind the old events: a copy of the first, one of a version that traces, and one of a version that says more. */
const further = [
  { key: "ann", value: encodeRecord1(viewOfAnn!, receivedMs) },
  {
    key: "bob",
    value: Buffer.concat([
      encodeRecord1({ ...viewOfBob!, id: "traced" }, receivedMs),
      new BinaryWriter()
        .tag(9, WireType.LengthDelimited)
        .string("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
        .finish(),
    ]),
  },
  {
    key: "zoë",
    value: Buffer.concat([
      encodeRecord1({ ...signUp!, id: "newer" }, receivedMs),
      new BinaryWriter().tag(200, WireType.LengthDelimited).string("of a field to come").finish(),
    ]),
  },
];
const expected = [...oldEvents.map(({ userId, id }) => `${userId} ${id}`), "bob traced", "zoë newer"].sort();

let kafka: KafkaBroker;
let clickhouse: ClickhouseEngine;
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-topics-"));
  [kafka, clickhouse] = await Promise.all([startKafka(), startEngine()]);
});
afterAll(async () => {
  await kafka?.close();
  await clickhouse?.close();
  await rm(directory, { recursive: true, force: true });
});

interface Place {
  readonly prefix: string;
  readonly dataDir: string;
  readonly env: NodeJS.ProcessEnv;
  run(...args: string[]): Promise<string>;
}

/** A log of the first format, with a store that has applied a part of it. */
async function writeOld(store: "ClickHouse" | "DuckDB"): Promise<Place> {
  const prefix = store.toLowerCase();
  const dataDir = join(directory, prefix);
  const url = clickhouse.newDatabase();
  const env = {
    WEIR_AUTH: "required",
    WEIR_DATA_DIR: dataDir,
    WEIR_LOG: `kafka://${kafka.brokers.join(",")}/${prefix}`,
    WEIR_STORE: store === "DuckDB" ? `duckdb:${dataDir}/store.duckdb` : url.replace("http:", "clickhouse:"),
    WEIR_KAFKA_SESSION_TIMEOUT: "2s",
  };
  await writeTopics1(kafka, prefix, receivedMs, further);
  await commitByJava(kafka, `${prefix}.events`, prefix, commits1);
  if (store === "ClickHouse") await writeClickhouse1(url, receivedMs);
  else {
    await writeIds1(join(dataDir, "ids"), oldApplied, receivedMs);
    await writeStore3(join(dataDir, "store.duckdb"), { receivedMs });
  }
  const run = async (...args: string[]) => {
    const { code, stdout, stderr } = await weir(args, { env });
    expect(code, stderr).toBe(0);
    return stdout.trim();
  };
  return { prefix, dataDir, env, run };
}

const refused = (env: NodeJS.ProcessEnv, dataDir: string) =>
  refusedStart(["--listen", "127.0.0.1:0", "--data-dir", dataDir], env);

const eventsOf = async ({ analytics }: WeirClient, minVisibility: string[] = []) =>
  (await analytics.listEvents({ minVisibility })).events.map(({ event }) => `${event!.userId} ${event!.id}`);

describe.each(["ClickHouse", "DuckDB"] as const)("over %s", (store) => {
  let place: Place;
  beforeAll(async () => {
    place = await writeOld(store);
  });

  it("they are the project default's, whole, and no other's, and stay so through a kill -9", async () => {
    const { run, env, dataDir } = place;
    expect(await run("topics", "create")).toContain(oldLogId);
    if (store === "ClickHouse") {
      const { code, line } = await refused(env, dataDir);
      expect(code).toBe(1);
      expect(line).toMatch(/ has schema version 1, this program reads \d+: run weir migrate --store /);
      await run("migrate");
    }
    const keyOf = (project: string, scopes: string) =>
      run("keys", "create", "--project", project, "--scopes", scopes);
    const [apiKey, otherKey] = [await keyOf("default", "ingest,query"), await keyOf("shop", "ingest,query")];
    const platform = await keyOf("default", "platform");
    let server: RunningServer = await startServer({ env, dataDir });
    const [own, other] = [apiKey, otherKey].map((key) => createWeirClient({ url: server.url, apiKey: key }));
    try {
      await caughtUp(server.url, oldEvents.length + further.length, platform);
      const whole = [
        token1([
          [2, 3],
          [4, 2],
          [6, 2],
        ]),
      ];
      expect((await eventsOf(own!, whole)).sort()).toEqual(expected);
      expect(await eventsOf(other!)).toEqual([]);
      const asked = other!.analytics.getAnalyticsSummary({ minVisibility: whole });
      expect(errorReason(await asked.catch((error: unknown) => error))).toBe("INVALID_TOKEN");

      // A copy of what was applied long ago counts in the other project alone.
      const event = { id: viewOfAnn!.id, userId: "ann", name: "page_view" };
      const options = { durability: Durability.APPLIED };
      for (const { ingestion } of [own!, other!]) await ingestion.ingestEvent({ event, options });
      expect((await own!.analytics.getAnalyticsSummary({})).totalEvents).toBe(BigInt(expected.length));
      expect((await other!.analytics.getAnalyticsSummary({})).totalEvents).toBe(1n);

      await server.kill9();
      server = await server.restart();
      await caughtUp(server.url, 0, platform);
      expect((await eventsOf(own!, whole)).sort()).toEqual(expected);
    } finally {
      await own!.close();
      await other!.close();
      await server.stop();
    }
  });

  it("a newer one of the store is refused, and left as it is", async () => {
    const { env, dataDir } = place;
    if (store === "ClickHouse") {
      const url = env.WEIR_STORE!.replace("clickhouse:", "http:");
      await runOnClickhouse(url, "INSERT INTO schema_migrations (version) VALUES (99)");
      const tables = () =>
        runOnClickhouse(
          url,
          "SELECT name, create_table_query FROM system.tables WHERE database = currentDatabase() ORDER BY name FORMAT TSV",
        );
      const before = await tables();
      const { code, line } = await refused(env, dataDir);
      expect(code).toBe(1);
      expect(line).toMatch(
        / has schema version 99, this program reads \d+: run the newer version that wrote it$/,
      );
      expect(await tables()).toBe(before);
      await runOnClickhouse(
        url,
        "ALTER TABLE schema_migrations DELETE WHERE version = 99 SETTINGS mutations_sync = 1",
      );
      return;
    }
    const ids = join(dataDir, "ids");
    await changeEntry(ids, Buffer.from("sformat"), Buffer.from("99"));
    const before = await entriesOf(ids);
    const { code, line } = await refused(env, dataDir);
    expect(code).toBe(1);
    expect(line).toMatch(
      /ids: the store's ids have format 99, this program reads \d+: run the newer version that wrote them$/,
    );
    expect(await entriesOf(ids)).toEqual(before);
    await changeEntry(ids, Buffer.from("sformat"), Buffer.from("1"));
  });

  it("a newer one of the group's offsets is refused", async () => {
    const { env, dataDir, prefix } = place;
    const newer = [{ partition: 3, offset: 0, metadata: "weir/99 owner=a" }];
    await commitByJava(kafka, `${prefix}.events`, prefix, newer);
    const { code, line } = await refused(env, dataDir);
    expect(code).toBe(1);
    expect(line).toMatch(
      / have the form "weir\/99 owner=a", this program reads weir\/1.*: run the newer version /,
    );
  });

  it("a newer one of the log is refused by processes and commands", async () => {
    const { env, dataDir, prefix } = place;
    await sendByJava(kafka, `${prefix}.state`, [{ key: "log/format", value: Buffer.from("99") }]);
    const written = kafka.bytesOf(`${prefix}.state`);
    const says = /the log has format 99, this program reads \d+: run the newer version that wrote it/;
    const { code, line } = await refused(env, dataDir);
    expect(code).toBe(1);
    expect(line).toMatch(says);
    for (const args of [
      ["topics", "create"],
      ["keys", "create", "--project", "default", "--scopes", "query"],
    ]) {
      const ended = await weir(args, { env });
      expect({ code: ended.code, stdout: ended.stdout }).toEqual({ code: 1, stdout: "" });
      expect(ended.stderr).toMatch(says);
    }
    expect(kafka.bytesOf(`${prefix}.state`)).toBe(written);
  });
});
