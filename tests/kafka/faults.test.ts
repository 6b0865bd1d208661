import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { byDeadline } from "../../src/domain/deadline.ts";
import { WeirError } from "../../src/domain/errors.ts";
import { newIdentity } from "../../src/log/identity.ts";
import { createKafkaAppender, type KafkaAppenderOptions } from "../../src/log/kafka/appender.ts";
import { createKafkaReader } from "../../src/log/kafka/reader.ts";
import { type EventLog, type LogAppender, LogStartError } from "../../src/log/log.ts";
import { createEventTopic, type KafkaLogOptions, openKafkaLog } from "../support/kafka/log.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord, readAll, type Stored } from "../support/level-log.ts";
import { underWay } from "../support/log-contract/fixture.ts";

/** Shorter than the faults last. */
const timeouts = { requestTimeoutMs: 800, connectionTimeoutMs: 500 };

describe("the log on Kafka, when its broker", () => {
  let broker: KafkaBroker;
  let topic: string;
  let log: EventLog;
  let options: KafkaLogOptions;
  /** What ends the loads that were put on the log. */
  const loads: (() => Promise<void>)[] = [];

  beforeAll(async () => {
    broker = await startKafka();
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    topic = await createEventTopic(broker, 4);
    ({ log, options } = await openKafkaLog(
      { ...broker, ...timeouts },
      { topic, closeTimeoutMs: 500, stalledAfterMs: 1000 },
    ));
  });
  afterEach(async () => {
    const stopped = loads.splice(0).map((stop) => stop());
    await log.close();
    await Promise.all(stopped);
  });

  interface Load {
    /** Places of the records that were acknowledged, by id. */
    readonly taken: Map<string, { readonly partition: number; readonly offset: number }>;
    readonly refused: readonly unknown[];
    /** Ends after the calls under way. */
    stop(): Promise<void>;
  }

  const recordOf = (id: string) => logRecord(id, { userId: `user-${id.at(-1)}`, padding: 150 });

  /** Several callers that append as fast as they are answered, calls of 1 to 40 records, now and then one twice. */
  function load(callers: number): Load {
    const taken = new Map<string, { partition: number; offset: number }>();
    const refused: unknown[] = [];
    let stopped = false;
    const call = async (number: number) => {
      for (let made = 0, round = 0; !stopped; round++) {
        const records = Array.from({ length: 1 + (round % 40) }, () => recordOf(`${number}-${made++}`));
        try {
          const copies = round % 7 === 0 ? [log.append(records), log.append(records)] : [log.append(records)];
          const [first, second = first] = await Promise.all(copies);
          for (const [i, { id }] of records.entries()) {
            expect([second!.partitions[i], second!.offsets[i]]).toEqual([
              first!.partitions[i],
              first!.offsets[i],
            ]);
            taken.set(id, { partition: first!.partitions[i]!, offset: first!.offsets[i]! });
          }
        } catch (error) {
          refused.push(error);
          return;
        }
      }
    };
    const calls = Promise.all(Array.from({ length: callers }, (_, number) => call(number)));
    const stop = async () => {
      stopped = true;
      await calls;
    };
    loads.push(stop);
    return { taken, refused, stop };
  }

  /** All that the topic has, by a reader of its own. */
  async function stored(): Promise<Stored[]> {
    const identity = newIdentity(4, randomBytes);
    const reader = await createKafkaReader({ connection: broker, topic, identity, partitions: 4 });
    try {
      return await readAll(reader);
    } finally {
      await reader.close();
    }
  }

  /** Expects the topic to hold exactly what was acknowledged, each record once and at its place. */
  async function expectExactly({ taken, refused }: Load): Promise<void> {
    expect(refused).toEqual([]);
    const all = await stored();
    const placed = new Map(
      all.map(({ identity, partition, offset }) => [identity.split("/")[2], { partition, offset }]),
    );
    expect(placed.size).toBe(all.length);
    expect(placed).toEqual(taken);
  }

  const takenBeyond = ({ taken }: Load, count: number) =>
    vi.waitFor(() => expect(taken.size).toBeGreaterThan(count), { timeout: 30_000, interval: 5 });
  const stalled = (ms: number) =>
    vi.waitFor(() => expect(log.stats().inFlightMs).toBeGreaterThan(ms), { timeout: 30_000 });

  /** What callers meet while the broker is away: each waits as long as it likes, and can be told why. */
  async function whileAway({ taken }: Load, lateId: string): Promise<void> {
    // What is remembered needs no broker.
    const [[id, place]] = taken as unknown as [[string, { offset: number }]];
    const again = await log.append([recordOf(id)]);
    expect([again.duplicates[0], again.offsets[0]]).toEqual([1, place.offset]);
    const limits = { deadline: Date.now() + 20, signal: new AbortController().signal };
    const late = () => new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "too late");
    const impatient = byDeadline(log.append([recordOf(lateId)]), limits, late);
    await expect(impatient).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED" });
    // The same id again waits for its first copy.
    void log.append([recordOf(lateId)]).then(({ partitions, offsets }) => {
      taken.set(lateId, { partition: partitions[0]!, offset: offsets[0]! });
    });
    const silent = /^brokers have not acknowledged for \d+ s: .*ECONNREFUSED/;
    await vi.waitFor(() => expect(log.health().message).toMatch(silent), { timeout: 15_000 });
  }

  it("is killed under load, again and again, loses nothing and doubles nothing, and goes on without a restart", async () => {
    const running = load(8);
    for (let round = 0; round < 2; round++) {
      await takenBeyond(running, running.taken.size + 500);
      await broker.kill9();
      await whileAway(running, `late-${round}`);
      // Longer than every timeout.
      await stalled(2500);
      await broker.restart();
    }
    await takenBeyond(running, running.taken.size + 500);
    await running.stop();
    expect([...running.taken.keys()]).toEqual(expect.arrayContaining(["late-0", "late-1"]));
    await vi.waitFor(() => expect(log.health().status).toBe("healthy"), { timeout: 15_000 });
    await expectExactly(running);
    // The reader of the same log has followed through all of it.
    await vi.waitFor(() => expect(log.ends().reduce((sum, end) => sum + end)).toBe(running.taken.size));
    expect(await readAll(log)).toHaveLength(running.taken.size);
  });

  it("is stalled under load, longer than every timeout, loses nothing and doubles nothing", async () => {
    const running = load(8);
    for (const ms of [300, 3000, 1200]) {
      await takenBeyond(running, running.taken.size + 300);
      await broker.stall();
      await stalled(ms);
      broker.resume();
    }
    await takenBeyond(running, running.taken.size + 300);
    await running.stop();
    await expectExactly(running);
  });

  describe("does not answer", () => {
    afterEach(() => broker.resume());

    it("and the log is closed, ends it soon, with all who wait told that the outcome is unknown", async () => {
      const held = () => process.getActiveResourcesInfo().filter((kind) => kind === "TCPSocketWrap").length;
      await broker.stall();
      const calls = [log.append([logRecord("a")]), log.append([logRecord("b")])];
      await underWay(log);
      log.enqueue([logRecord("c")]);
      const outcomes = Promise.allSettled(calls);
      await log.close();
      for (const outcome of await outcomes) {
        expect(outcome).toMatchObject({
          status: "rejected",
          reason: { code: "UNAVAILABLE", reason: "LOG_UNAVAILABLE" },
        });
      }
      expect(log.stats()).toMatchObject({ queueEvents: 0, lost: 1 });
      expect(held()).toBe(0);
    });

    it("and the queue is full, refuses what finds no room at once", async () => {
      await log.close();
      ({ log } = await openKafkaLog(broker, { ...options, maxQueueEvents: 10 }));
      await broker.stall();
      const waiting = log.append(Array.from({ length: 8 }, (_, i) => logRecord(`e${i}`)));
      await stalled(100);
      await expect(log.append(["x", "y", "z"].map((id) => logRecord(id)))).rejects.toMatchObject({
        code: "RESOURCE_EXHAUSTED",
        reason: "QUEUE_FULL",
        retryDelayMs: expect.any(Number),
      });
      broker.resume();
      expect((await waiting).duplicateCount).toBe(0);
    });

    it("as a log is opened, is waited for, and refused in one line when the wait is over", async () => {
      const open = (startTimeoutMs: number): Promise<LogAppender> =>
        createKafkaAppender({ ...options, startTimeoutMs } as KafkaAppenderOptions);
      await broker.stall();
      const error = await open(1500).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LogStartError);
      expect((error as Error).message).toMatch(/^no broker of 127\.0\.0\.1:\d+ could be used within 2 s: /);
      const opening = open(30_000);
      broker.resume();
      await (await opening).close();
    });
  });
});
