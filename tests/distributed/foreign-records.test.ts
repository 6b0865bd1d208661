/** Records of other programs on the log, what becomes of those that cannot be applied, and our records for others. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { create, fromJson, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { RecordSchema } from "../../gen/analytics/v1/record_pb.js";
import { partitionOf } from "../../src/domain/partition.ts";
import { type Role, roles } from "../../src/domain/roles.ts";
import { runCommand } from "../support/command.ts";
import { caughtUp, getJson, isApplied } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { readByJava, sendByJava } from "../support/kafka/records.ts";
import { startTransactions } from "../support/kafka/transactions.ts";
import { repository, runToEnd } from "../support/process.ts";
import type { RunningServer } from "../support/server.ts";

const partitions = 8;
const topic = "weir.events";

let installation: Installation;
let servers: Record<Role, RunningServer>;
let clients: Record<Role, WeirClient>;
beforeAll(async () => {
  installation = await startInstallation();
  servers = await installation.serveEach();
  const made = roles.map((role) => [role, createWeirClient({ url: servers[role].url })]);
  clients = Object.fromEntries(made);
});
afterAll(async () => {
  for (const client of Object.values(clients ?? {})) await client.close();
  await installation?.close();
});

function recordOf(event: MessageInitShape<typeof RecordSchema>["event"], project = "default"): Uint8Array {
  const receivedTime = timestampFromDate(new Date());
  return toBinary(RecordSchema, create(RecordSchema, { project, receivedTime, event }));
}

/** The value of a metric, named with its labels. */
async function gauge(url: string, name: string): Promise<number> {
  const lines = (await (await fetch(`${url}/metrics`)).text()).split("\n");
  const line = lines.find((text) => text.startsWith(`${name} `));
  return Number(line?.slice(name.length + 1));
}

/** How many events of a user count. */
const countOf = async (userId: string, minVisibility: string[] = []) => {
  const filter = `user_id == "${userId}"`;
  return (await clients.analytics.analytics.getAnalyticsSummary({ filter, minVisibility })).totalEvents;
};
const lettersOf = async (role: Role, reason: string) =>
  (await clients[role].admin.listDeadLetters({ reason })).deadLetters;

describe("what Java's producer sends", () => {
  it("by user_id counts as what was sent here, and as a copy of it", async () => {
    const event = {
      id: "java-1",
      userId: "jäva",
      name: "built",
      properties: { by: "Java" },
      measures: { n: 1.5 },
    };
    const [place] = await sendByJava(installation.kafka, topic, [
      { key: event.userId, value: recordOf(event) },
    ]);
    expect(place!.partition).toBe(partitionOf(event.userId, partitions));
    await isApplied(servers.analytics.url, place!);
    expect(await countOf(event.userId)).toBe(1n);
    const { events } = await clients.analytics.analytics.getUserAnalytics({ userId: event.userId });
    expect(events.map((stored) => stored.event)).toMatchObject([event]);
    await clients.ingest.ingestion.ingestEvent({ event, options: { durability: Durability.APPLIED } });
    expect(await countOf(event.userId)).toBe(1n);
  });
});

describe("what Java's producer compresses", () => {
  it.each(["lz4", "snappy", "zstd", "gzip"])("by %s counts too", async (codec) => {
    const userId = `by-${codec}`;
    const records = Array.from({ length: 20 }, (_, i) => ({
      key: userId,
      value: recordOf({ id: `${codec}-${i}`, userId, name: "built" }),
    }));
    const places = await sendByJava(installation.kafka, topic, records, codec);
    await isApplied(servers.analytics.url, places.at(-1)!);
    expect(await countOf(userId)).toBe(20n);
  });
});

describe("a record that cannot be applied", () => {
  it("because it is not on its user's partition is a dead letter, and counts once that is replayed", async () => {
    const userId = "lost";
    const partition = (partitionOf(userId, partitions) + 1) % partitions;
    const value = recordOf({ id: "lost-1", userId, name: "strayed" });
    const [place] = await sendByJava(installation.kafka, topic, [{ key: userId, partition, value }]);
    expect(place!.partition).toBe(partition);
    await isApplied(servers.analytics.url, place!);
    expect(await countOf(userId)).toBe(0n);
    const found = await lettersOf("consumer", "WRONG_PARTITION");
    expect(found).toMatchObject([
      { partition, offset: BigInt(place!.offset), event: { id: "lost-1", userId } },
    ]);
    expect(await lettersOf("analytics", "WRONG_PARTITION")).toEqual(found);

    const deadLetterIds = found.map(({ deadLetterId }) => deadLetterId);
    // Through both processes that have the store, neither of which knows what the other puts on the log.
    for (const role of ["consumer", "analytics"] as const) {
      const replayed = await clients[role].admin.replayDeadLetters({ deadLetterIds });
      expect(replayed).toMatchObject({ replayedCount: 1, missingIds: [] });
      expect(await countOf(userId, [replayed.visibilityToken])).toBe(1n);
    }
    for (const role of ["consumer", "analytics"] as const) {
      const [letter] = await lettersOf(role, "WRONG_PARTITION");
      expect(letter?.replayTime).toBeDefined();
    }
    // Nor does what its sender sends again count twice.
    await clients.ingest.ingestion.ingestEvent({
      event: { id: "lost-1", userId, name: "strayed" },
      options: { durability: Durability.APPLIED },
    });
    expect(await countOf(userId)).toBe(1n);
  });

  it("for its content leaves its id to the mended event, which counts, and the replay is no better", async () => {
    const userId = "mender";
    const value = recordOf({
      id: "mend-1",
      userId,
      name: "odd",
      measures: { a: Number.POSITIVE_INFINITY },
    });
    const [place] = await sendByJava(installation.kafka, topic, [{ key: userId, value }]);
    await isApplied(servers.analytics.url, place!);
    const deadLetterIds = [`${place!.partition}-${place!.offset}`];
    const event = { id: "mend-1", userId, name: "mended" };
    for (let times = 0; times < 2; times++) {
      await clients.ingest.ingestion.ingestEvent({ event, options: { durability: Durability.APPLIED } });
      expect(await countOf(userId)).toBe(1n);
    }
    const { visibilityToken } = await clients.consumer.admin.replayDeadLetters({ deadLetterIds });
    expect(await countOf(userId, [visibilityToken])).toBe(1n);
  });

  it("because nobody can read it is a dead letter until one process discards it, and holds up nothing", async () => {
    const userId = "behind";
    const [, last] = await sendByJava(installation.kafka, topic, [
      { key: userId, value: Uint8Array.of(0xff, 0xff) },
      { key: userId, value: recordOf({ id: "behind-1", userId, name: "late" }) },
    ]);
    await isApplied(servers.analytics.url, last!);
    expect(await countOf(userId)).toBe(1n);
    const [letter, ...more] = await lettersOf("analytics", "UNDECODABLE");
    expect(more).toEqual([]);
    expect(letter).toMatchObject({
      partition: partitionOf(userId, partitions),
      record: Uint8Array.of(0xff, 0xff),
    });
    const deadLetterIds = [letter!.deadLetterId];
    expect(await clients.analytics.admin.discardDeadLetters({ deadLetterIds })).toMatchObject({
      discardedCount: 1,
    });
    expect(await lettersOf("consumer", "UNDECODABLE")).toEqual([]);
    expect(await clients.consumer.admin.discardDeadLetters({ deadLetterIds })).toMatchObject({
      discardedCount: 0,
      missingIds: deadLetterIds,
    });
  });
});

describe("a record of a project that nobody can make", () => {
  it("is a dead letter of no project, once however often it is sent, and holds up nothing", async () => {
    const userId = "nobodys";
    const elsewhere = (partitionOf(userId, partitions) + 1) % partitions;
    const event = { id: "nobodys-1", userId, name: "built" };
    const names = ["Default", "P".repeat(5000), "de\0fault", "Default"];
    const [strayed, ...places] = await sendByJava(installation.kafka, topic, [
      { key: userId, partition: elsewhere, value: recordOf(event, "Default") },
      ...names.map((project) => ({ key: userId, value: recordOf(event, project) })),
      { key: userId, value: recordOf(event) },
    ]);
    for (const place of [strayed!, places.at(-1)!]) await isApplied(servers.analytics.url, place);
    expect(await countOf(userId)).toBe(1n);
    const own = async (reason: string) =>
      (await lettersOf("analytics", reason)).filter((letter) => letter.event?.userId === userId).reverse();
    const invalid = await own("INVALID_EVENT");
    expect(invalid).toMatchObject(
      places.slice(0, 3).map(({ partition, offset }) => ({ partition, offset: BigInt(offset), event })),
    );
    for (const { message } of invalid) expect(message).toMatch(/^project: must be 1 to 63 /);
    const wrong = await own("WRONG_PARTITION");
    expect(wrong).toMatchObject([{ partition: elsewhere, offset: BigInt(strayed!.offset) }]);

    const deadLetterIds = [...invalid, ...wrong].map(({ deadLetterId }) => deadLetterId);
    const discarded = await clients.consumer.admin.discardDeadLetters({ deadLetterIds });
    expect(discarded.discardedCount).toBe(4);
  });
});

describe("a record without a value", () => {
  it("is a dead letter, whether it is null or of no length, and holds up nothing", async () => {
    const userId = "valueless";
    const places = await sendByJava(installation.kafka, topic, [
      { key: userId, value: null },
      { key: userId, value: Uint8Array.of() },
      { key: userId, value: recordOf({ id: "valueless-1", userId, name: "late" }) },
    ]);
    await isApplied(servers.analytics.url, places.at(-1)!);
    expect(await countOf(userId)).toBe(1n);
    // The newest comes first.
    const letters = (await lettersOf("analytics", "UNDECODABLE")).reverse();
    expect(letters).toMatchObject(
      places.slice(0, 2).map(({ partition, offset }) => ({
        partition,
        offset: BigInt(offset),
        message: "the record is empty",
        record: new Uint8Array(),
      })),
    );
    const deadLetterIds = letters.map(({ deadLetterId }) => deadLetterId);
    await expect(clients.analytics.admin.replayDeadLetters({ deadLetterIds })).rejects.toThrow(
      /cannot be decoded/,
    );
    const discarded = await clients.analytics.admin.discardDeadLetters({ deadLetterIds });
    expect(discarded.discardedCount).toBe(2);
  });
});

describe("a record of ours", () => {
  it("has key and headers for others to go by, and is read by what is made of the contract", async () => {
    const event = {
      id: "ours-1",
      userId: "üser",
      name: "click",
      properties: { plan: "pro" },
      measures: { n: 2 },
    };
    const headers = { "x-request-id": "request-of-ours" };
    const { visibilityToken } = await clients.ingest.ingestion.ingestEvent({ event }, { headers });
    expect(await countOf(event.userId, [visibilityToken])).toBe(1n);
    const all = await caughtUp(servers.analytics.url);
    const records = await readByJava(installation.kafka, topic, all);
    const ours = records.filter((record) => record.headers.request_id === "request-of-ours");
    expect(ours).toMatchObject([
      {
        partition: partitionOf(event.userId, partitions),
        key: event.userId,
        headers: { project: "default", schema: "analytics.v1.Record", request_id: "request-of-ours" },
      },
    ]);
    const decoded = await bufConvert(ours[0]!.value);
    expect(decoded).toMatchObject({ project: "default", requestId: "request-of-ours", event });
    expect(Object.keys(decoded).sort()).toEqual(["event", "project", "receivedTime", "requestId"]);
    expect(fromJson(RecordSchema, decoded).$typeName).toBe(RecordSchema.typeName);
  });
});

// Last, since its mark takes an offset that no reader is given a record of.
describe("a transaction of another program", () => {
  it("holds back what comes behind its records, which every process tells, until it ends", async () => {
    const userId = "transacted";
    const partition = partitionOf(userId, partitions);
    const transactions = await startTransactions(installation.kafka, "another-program");
    const transaction = await transactions.begin();
    const value = Buffer.from(recordOf({ id: "theirs", userId, name: "built" }));
    await transaction.send({ topic, messages: [{ key: userId, partition, value }] });
    const event = { id: "ours", userId, name: "built" };
    const { visibilityToken } = await clients.ingest.ingestion.ingestEvent({ event });
    for (const role of ["consumer", "analytics"] as const) {
      const lag = async () => (await getJson(servers[role].url, "/lag")).partitions[partition];
      await vi.waitFor(
        async () => {
          const { end, applied, seconds } = await lag();
          expect({ behind: end - applied, isOld: seconds > 0 }).toEqual({ behind: 2, isOld: true });
        },
        { timeout: 20_000 },
      );
      expect(await gauge(servers[role].url, `kafka_consumer_lag_total{partition="${partition}"}`)).toBe(2);
    }
    expect(await gauge(servers.consumer.url, "weir_consumer_lag_seconds")).toBeGreaterThan(0);
    const health = async () => (await getJson(servers.consumer.url, "/health")).components;
    await vi.waitFor(
      async () =>
        expect(await health()).toContainEqual({
          name: "log",
          status: "degraded",
          message: expect.stringContaining(`records of partition ${partition} from offset `),
        }),
      { timeout: 20_000 },
    );
    expect(await countOf(userId)).toBe(0n);

    await transaction.commit();
    expect(await countOf(userId, [visibilityToken])).toBe(2n);
    await transactions.close();
    for (const { url } of [servers.consumer, servers.analytics]) await caughtUp(url);
    expect(await gauge(servers.consumer.url, "weir_consumer_lag_seconds")).toBe(0);
  });
});

/** A record as `buf convert` prints it, which knows of it what the proto files say. */
async function bufConvert(record: Uint8Array) {
  // What the proto files import, where no check has been run here yet.
  if (!existsSync(join(repository, ".cache/proto"))) await runToEnd("scripts/proto-deps.ts", []);
  const args = [
    "convert",
    ".",
    "--type",
    RecordSchema.typeName,
    "--from",
    "-#format=binpb",
    "--to",
    "-#format=json",
  ];
  const { code, stdout, stderr } = await runCommand(join(repository, "node_modules/.bin/buf"), args, {
    stdin: Buffer.from(record),
  });
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return JSON.parse(stdout);
}
