import kafkajs from "kafkajs";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { identityKeys, readIdentity, topicIdKey } from "../../src/log/identity.ts";
import { createTopic, withAdmin } from "../../src/log/kafka/admin.ts";
import { openStateTopic } from "../../src/log/kafka/state-topic.ts";
import { stateSettings } from "../../src/log/kafka/topic-check.ts";
import { checkTopics, isRemade, listTopics } from "../../src/log/kafka/topics.ts";
import { LogStartError, PartitionCountError } from "../../src/log/log.ts";
import { ensureTokenSecret } from "../../src/state/token-secret.ts";
import { growTopic, openKafkaLog, remakeTopic } from "../support/kafka/log.ts";
import { create, createStateTopic, newTopics, openKafkaState } from "../support/kafka/state.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord } from "../support/level-log.ts";
import { stateContract } from "../support/state-contract.ts";

const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

describe("on Kafka", () => {
  let broker: KafkaBroker;
  const ends: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    // So that compaction is done while a test waits for it.
    broker = await startKafka({ properties: ["log.cleaner.backoff.ms=50"] });
  });
  afterAll(() => broker.close());
  afterEach(async () => {
    broker.resume();
    for (const end of ends.splice(0)) await end();
  });

  async function open(topic: string, options: Parameters<typeof openKafkaState>[2] = {}) {
    const state = await openKafkaState(broker, topic, options);
    ends.push(state.close);
    return state;
  }

  /** Every value that the small state was ever given under a key, as long as nothing was compacted. */
  async function writesOf(topic: string, wanted: string): Promise<string[]> {
    const state = await openStateTopic({ connection: broker, topic });
    const values: string[] = [];
    await state.follow((key, value) => {
      if (key === wanted) values.push(text(value) ?? "");
    });
    await state.close();
    return values;
  }

  stateContract(async () => {
    const topic = await createStateTopic(broker);
    let state = await openKafkaState(broker, topic);
    return {
      state,
      async reopen() {
        await state.close();
        state = await openKafkaState(broker, topic);
        return state;
      },
      remove: () => state.close(),
    };
  });

  describe("small state", () => {
    it("is known to every process a moment after it was changed", async () => {
      const topic = await createStateTopic(broker);
      const [one, other] = [await open(topic), await open(topic)];
      for (let i = 0; i < 5; i++) {
        await one.put("a", Buffer.from(String(i)));
        await vi.waitFor(async () => expect(text(await other.get("a"))).toBe(String(i)), {
          interval: 1,
          timeout: 1000,
        });
      }
      await other.delete("a");
      await vi.waitFor(async () => expect(await one.get("a")).toBeUndefined(), {
        interval: 1,
        timeout: 1000,
      });
    });

    it("takes what several processes put where there is nothing from one of them", async () => {
      const topic = await createStateTopic(broker);
      const states = [await open(topic), await open(topic), await open(topic)];
      for (let round = 0; round < 10; round++) {
        const key = `k${round}`;
        const puts = states.flatMap((state, s) =>
          [0, 1].map(async (i) =>
            (await state.putIfAbsent(key, Buffer.from(`${s}.${i}`))) ? `${s}.${i}` : "",
          ),
        );
        const winners = (await Promise.all(puts)).filter((winner) => winner !== "");
        expect(winners).toHaveLength(1);
        for (const state of states) {
          await vi.waitFor(async () => expect(text(await state.get(key))).toBe(winners[0]));
        }
      }
    });

    it("gives all who make the secret of tokens at once the same one, which one of them has made", async () => {
      const topic = await createStateTopic(broker);
      const states = await Promise.all(Array.from({ length: 4 }, () => open(topic)));
      const ensured = await Promise.all(states.map((state) => ensureTokenSecret(state)));
      expect(new Set(ensured.map(({ secret }) => Buffer.from(secret).toString("hex"))).size).toBe(1);
      expect(ensured.filter(({ made }) => made).length).toBe(1);
    });

    it("waits for no process that ended before it put what it had claimed, once that is a minute ago", async () => {
      const topic = await createStateTopic(broker);
      const [one, other] = [await open(topic), await open(topic)];
      const claim = (ago: number) => one.put("claims/a/dead", Buffer.from(String(Date.now() - ago)));
      const put = () => other.putIfAbsent("a", Buffer.from("x"));
      await claim(0);
      expect(await put()).toBe(false);
      await claim(60_001);
      expect(await put()).toBe(true);
    });

    it("ends the same everywhere, whoever changes it at once", async () => {
      const topic = await createStateTopic(broker);
      const states = [await open(topic), await open(topic), await open(topic)];
      await Promise.all(
        states.flatMap((state, s) =>
          Array.from({ length: 30 }, (_, i) =>
            i % 5 === 4 ? state.delete(`k${i % 3}`) : state.put(`k${i % 3}`, Buffer.from(`${s}.${i}`)),
          ),
        ),
      );
      const later = await (await open(topic)).list("k");
      for (const state of states) {
        await vi.waitFor(async () => expect(await state.list("k")).toEqual(later));
      }
    });

    it("that is made anew says once what becomes of it, and stays as it was known", async () => {
      const topic = await createStateTopic(broker);
      const told: string[] = [];
      const state = await open(topic, { onLoss: ({ message }) => told.push(message) });
      await state.put("a", Buffer.from("1"));
      await (await open(topic)).put("a", Buffer.from("2"));
      await vi.waitFor(async () => expect(text(await state.get("a"))).toBe("2"));
      await withAdmin(broker, (admin) => admin.deleteTopics({ topics: [topic] }));
      const again = { topic, partitions: 1, replicas: 1, settings: stateSettings(1) };
      await vi.waitFor(
        async () => expect(await withAdmin(broker, (admin) => createTopic(admin, again))).toBe(true),
        { timeout: 10_000 },
      );
      const other = await open(topic);
      for (let i = 0; i < 5; i++) await other.put("a", Buffer.from(`new-${i}`));
      await vi.waitFor(() => expect(told).toHaveLength(1), { timeout: 30_000 });
      expect(told[0]).toMatch(
        / is lost: .* stay as this process knew them: .* events are still taken and applied\. See /,
      );
      expect(told[0]).not.toContain("applies nothing more");
      expect(state.health()).toEqual({ name: "state", status: "unhealthy", message: told[0] });
      await expect(state.put("b", Buffer.from("1"))).rejects.toThrow(told[0]);
      expect(text(await state.get("a"))).toBe("2");
      expect(told).toHaveLength(1);
    });

    it("stands after its old values were compacted away", async () => {
      const topic = await createStateTopic(broker);
      await withAdmin(broker, (admin) =>
        admin.alterConfigs({
          validateOnly: false,
          resources: [
            {
              type: kafkajs.ConfigResourceTypes.TOPIC,
              name: topic,
              configEntries: Object.entries({
                "cleanup.policy": "compact",
                "max.message.bytes": "2097152",
                "segment.bytes": "1048576",
                "min.cleanable.dirty.ratio": "0.01",
                "delete.retention.ms": "0",
              }).map(([name, value]) => ({ name, value })),
            },
          ],
        }),
      );
      const state = await open(topic);
      const large = Buffer.alloc(200_000, "x");
      await state.put("gone", Buffer.from("gone"));
      await state.delete("gone");
      await state.put("kept", Buffer.from("kept"));
      let rounds = 0;
      const size = async () => {
        await state.put("large", Buffer.concat([large, Buffer.from(String(rounds++))]));
        return broker.bytesOf(topic);
      };
      // More has been written than is there.
      await vi.waitFor(async () => expect(await size()).toBeLessThan((rounds - 6) * large.length), {
        timeout: 30_000,
        interval: 20,
      });
      const again = await open(topic);
      expect(text(await again.get("kept"))).toBe("kept");
      expect(await again.get("gone")).toBeUndefined();
      expect(text(await again.get("large"))).toBe(`${large}${rounds - 1}`);
    });

    it("answers while brokers do not, takes no change, says so, and goes on when they do", async () => {
      const topic = await createStateTopic(broker);
      const connection = { ...broker, requestTimeoutMs: 500, connectionTimeoutMs: 500 };
      const options = { connection, writeTimeoutMs: 300, maxWaiting: 2, stalledAfterMs: 1200 };
      const state = await open(topic, options);
      const other = await open(topic);
      await state.put("a", Buffer.from("one"));
      await broker.stall();
      const unavailable = { code: "UNAVAILABLE", reason: "LOG_UNAVAILABLE" };
      const writes = ["a", "b", "c"].map((key) => state.put(key, Buffer.from("two")));
      for (const outcome of await Promise.allSettled(writes)) {
        expect(outcome).toMatchObject({ status: "rejected", reason: unavailable });
      }
      expect(text(await state.get("a"))).toBe("one");
      await vi.waitFor(() => expect(state.health().status).toBe("unhealthy"), { timeout: 10_000 });
      expect(state.health().message).toMatch(
        /^the shared state could not be followed for \d+ s: .*timed out/,
      );
      broker.resume();
      await vi.waitFor(() => state.put("b", Buffer.from("three")), { timeout: 30_000 });
      await vi.waitFor(async () => expect(text(await other.get("b"))).toBe("three"), { timeout: 10_000 });
      await vi.waitFor(() => expect(state.health().status).toBe("healthy"), { timeout: 10_000 });
    });

    it("is refused on a topic that would lose it", async () => {
      const { events } = newTopics();
      const make = (partitions: number, policy: string) => {
        const settings = new Map([...stateSettings(1), ["cleanup.policy", policy]]);
        const topic = `${events}-${policy}-${partitions}`;
        return withAdmin(broker, (admin) => createTopic(admin, { topic, partitions, replicas: 1, settings }));
      };
      await make(1, "delete");
      await make(2, "compact");
      await expect(open(`${events}-delete-1`)).rejects.toThrow(
        /cleanup.policy=delete, .*: set it to compact/,
      );
      await expect(open(`${events}-compact-2`)).rejects.toThrow(/has 2 partitions: it must have 1/);
      await expect(open("absent")).rejects.toThrow(LogStartError);
    });
  });

  describe("topics", () => {
    it("are created with the log's identity, once", async () => {
      const topics = newTopics();
      const first = await create(broker, topics);
      expect(first.created).toEqual([topics.state, topics.deadLetters, topics.events]);
      expect(first.identity).toMatchObject({ partitions: 4, logId: expect.stringMatching(/^[0-9a-f]{32}$/) });
      const again = await create(broker, topics);
      expect(again.created).toEqual([]);
      expect(again.identity.logId).toBe(first.identity.logId);
      expect(again.identity.idSecret).toEqual(new Uint8Array(first.identity.idSecret));

      const { log } = await openKafkaLog(broker, { topic: topics.events, identity: again.identity });
      ends.push(log.close);
      expect(log.logId).toBe(first.identity.logId);
      expect((await log.append([logRecord("a")])).duplicateCount).toBe(0);
    });

    it("are listed as they are, and checked", async () => {
      const topics = newTopics();
      const wanted = { partitions: 4, retentionMs: 604_800_000 };
      expect(await checkTopics(broker, topics, wanted)).toMatchObject([
        {
          topic: topics.events,
          fatal: true,
          message: expect.stringContaining("create the log's topics first"),
        },
        { topic: topics.state, fatal: true },
        { topic: topics.deadLetters, fatal: true },
      ]);
      await create(broker, topics);
      expect(await listTopics(broker, topics)).toMatchObject([
        { topic: topics.events, partitions: 4, replicas: 1 },
        { topic: topics.state, partitions: 1, replicas: 1 },
        { topic: topics.deadLetters, partitions: 4, replicas: 1 },
      ]);
      expect(await checkTopics(broker, topics, wanted)).toEqual([]);
      expect(await checkTopics(broker, topics, { ...wanted, retentionMs: Number.POSITIVE_INFINITY })).toEqual(
        [topics.events, topics.deadLetters].map((topic) => ({
          topic,
          fatal: false,
          message: `topic ${topic} has retention.ms=604800000, asked for is -1`,
        })),
      );
      expect(await checkTopics(broker, topics, { ...wanted, partitions: 8 })).toMatchObject([
        { fatal: true, message: expect.stringMatching(/has 4 partitions, but its log has 8: with another/) },
        {
          fatal: true,
          message: expect.stringMatching(/has 4 partitions, but its log has 8: give it as many/),
        },
      ]);
    });

    it("cannot be given more partitions, which is explained", async () => {
      const topics = newTopics();
      await create(broker, topics);
      const grown = create(broker, topics, { partitions: 8 });
      await expect(grown).rejects.toThrow(PartitionCountError);
      await expect(grown).rejects.toThrow(
        /created with 4 partitions and cannot be used with 8: say 4, or create/,
      );
      await growTopic(broker, topics.events, 8);
      await expect(create(broker, topics)).rejects.toThrow(
        /has 8 partitions, but its log has 4: .*out of order/,
      );
    });

    it("whose dead letters would be lost are refused", async () => {
      const topics = newTopics();
      const settings = new Map([...stateSettings(1), ["max.message.bytes", "1048588"]]);
      const { deadLetters: topic } = topics;
      await withAdmin(broker, (admin) => createTopic(admin, { topic, partitions: 4, replicas: 1, settings }));
      await expect(create(broker, topics)).rejects.toThrow(/cleanup.policy=compact, .*: set it to delete/);
      expect(await checkTopics(broker, topics, { partitions: 4, retentionMs: 604_800_000 })).toContainEqual({
        topic,
        fatal: true,
        message: `topic ${topic} has max.message.bytes=1048588: set it to 2097152 at least`,
      });
    });

    it("whose records have gone are those of a new log", async () => {
      const topics = newTopics();
      const first = await create(broker, topics);
      await withAdmin(broker, (admin) => admin.deleteTopics({ topics: [topics.events] }));
      const second = await vi.waitFor(() => create(broker, topics, { partitions: 2 }), { timeout: 10_000 });
      expect(second.created).toEqual([topics.events]);
      expect(second.identity.partitions).toBe(2);
      expect(second.identity.logId).not.toBe(first.identity.logId);
    });

    it("whose topic of records was made anew by others are those of a new log, which is told before", async () => {
      const topics = newTopics();
      const { identity } = await create(broker, topics);
      const { logId, topicId } = identity;
      expect(topicId).toMatch(/^[0-9a-f]{32}$/);
      expect((await create(broker, topics)).identity).toMatchObject({ logId, topicId });
      expect(await isRemade(broker, topics.events, identity)).toBe(false);
      await remakeTopic(broker, topics.events, 4);
      expect(await isRemade(broker, topics.events, identity)).toBe(true);
      const again = await create(broker, topics);
      expect(again.created).toEqual([]);
      expect(again.identity.logId).not.toBe(identity.logId);
      expect(await isRemade(broker, topics.events, again.identity)).toBe(false);
    });

    it("that were made before their ids were kept have them from then on", async () => {
      const topics = newTopics();
      const { identity } = await create(broker, topics);
      const state = await open(topics.state);
      await state.delete(topicIdKey);
      const { logId, topicId } = identity;
      expect(await readIdentity(state.get)).not.toHaveProperty("topicId");
      expect((await create(broker, topics)).identity).toMatchObject({ logId, topicId });
      await vi.waitFor(async () => expect(await readIdentity(state.get)).toMatchObject({ logId, topicId }));
    });

    it("whose maker ended half-way are finished", async () => {
      const topics = newTopics();
      const { identity } = await create(broker, topics);
      const state = await open(topics.state);
      await state.delete(identityKeys.logId);
      const again = await create(broker, topics);
      expect(again.created).toEqual([]);
      expect(again.identity).toMatchObject({ ...identity, idSecret: new Uint8Array(identity.idSecret) });
      expect((await create(broker, topics)).identity.logId).toBe(again.identity.logId);
    });

    it.each([
      [[4, 4, 4, 4], false],
      [[2, 3, 2, 3], true],
    ])(
      "of %j partitions that are made at once are those of one log, also of one in place of another",
      async (counts, differ) => {
        const topics = newTopics();
        const ids: string[] = [];
        for (const round of [0, 1, 2]) {
          const made = await Promise.allSettled(
            counts.map((partitions) => create(broker, topics, { partitions })),
          );
          const winners = made.filter((one) => one.status === "fulfilled").map(({ value }) => value.identity);
          const [{ logId, partitions, topicId } = expect.fail("nobody has made it")] = winners;
          for (const identity of winners) expect(identity).toMatchObject({ logId, partitions, topicId });
          const losers = made.filter((one) => one.status === "rejected").map(({ reason }) => reason);
          expect(losers).toHaveLength(differ ? 2 : 0);
          for (const reason of losers) expect(reason).toBeInstanceOf(PartitionCountError);
          ids.push(logId);
          expect(await writesOf(topics.state, identityKeys.logId)).toEqual(ids);
          expect(await listTopics(broker, topics)).toMatchObject([{ partitions }, {}, {}]);
          if (round === 2) break;
          await withAdmin(broker, async (admin) => {
            const gone = [topics.events, topics.deadLetters];
            await admin.deleteTopics({ topics: gone });
            await vi.waitFor(
              async () => {
                const present = await admin.listTopics();
                expect(gone.filter((topic) => present.includes(topic))).toEqual([]);
              },
              { timeout: 10_000 },
            );
          });
        }
      },
    );
  });
});
