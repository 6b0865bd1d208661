/** A log whose broker comes back without its last records, or whose topic is made anew, while processes use it. */
import { randomBytes } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createBatches, RecordsRemovedError } from "../../src/consumer/batches.ts";
import { partitionOfKey } from "../../src/domain/partition.ts";
import { everyPartition } from "../../src/log/assignment.ts";
import { newIdentity } from "../../src/log/identity.ts";
import { withAdmin } from "../../src/log/kafka/admin.ts";
import { createKafkaAppender } from "../../src/log/kafka/appender.ts";
import { checkCommitted } from "../../src/log/kafka/committed.ts";
import type { LogLostError } from "../../src/log/kafka/loss.ts";
import type { Commit } from "../../src/log/kafka/membership/offsets.ts";
import { presentTopicId } from "../../src/log/kafka/present-topic-id.ts";
import { createKafkaReader, type KafkaReader, type KafkaReaderOptions } from "../../src/log/kafka/reader.ts";
import { type EventLog, type LogAppender, type LogReader, LogStartError } from "../../src/log/log.ts";
import { createEventTopic, openKafkaLog, remakeTopic } from "../support/kafka/log.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord, readAll } from "../support/level-log.ts";

/** Shorter than a broker takes to come back. */
const timeouts = { requestTimeoutMs: 800, connectionTimeoutMs: 500 };
const partitions = 2;
const patiently = { timeout: 30_000, interval: 20 };
/** A user of each partition. */
const users = Array.from({ length: partitions }, (_, partition) => {
  for (let i = 0; ; i++)
    if (partitionOfKey(Buffer.from(`user-${i}`), partitions) === partition) return `user-${i}`;
});
const lost = { code: "UNAVAILABLE", reason: "LOG_LOST", retryDelayMs: undefined };

describe("a log on Kafka whose broker loses its last records", () => {
  let broker: KafkaBroker;
  let topic: string;
  const closing: (() => Promise<unknown>)[] = [];
  const losses: LogLostError[] = [];

  beforeAll(async () => {
    broker = await startKafka();
  });
  afterAll(() => broker?.close());
  beforeEach(async () => {
    topic = await createEventTopic(broker, partitions);
    losses.splice(0);
  });
  afterEach(async () => {
    await Promise.all(closing.splice(0).map((close) => close()));
  });

  const options = () => ({
    connection: { ...broker, ...timeouts },
    topic,
    identity: newIdentity(partitions, randomBytes),
    partitions,
    closeTimeoutMs: 500,
    stalledAfterMs: 1000,
    onLoss: (loss: LogLostError) => losses.push(loss),
  });

  async function openLog(): Promise<EventLog & KafkaReader> {
    const { log } = await openKafkaLog(broker, options());
    closing.push(log.close);
    return log;
  }
  async function openAppender(applied?: ReadonlyMap<number, Commit>): Promise<LogAppender> {
    const appender = await createKafkaAppender({
      ...options(),
      ...(applied ? { applied: { commits: () => applied, onApplied: () => () => {} } } : {}),
    });
    closing.push(appender.close);
    return appender;
  }
  async function openReader(more: Partial<KafkaReaderOptions> = {}): Promise<LogReader> {
    const reader = await createKafkaReader({ ...options(), ...more });
    closing.push(reader.close);
    return reader;
  }

  /** One by one, so that each is a batch of its own; on both partitions. */
  async function append(log: LogAppender, name: string, count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      const records = users.map((userId) => logRecord(`${name}-${i}`, { userId }));
      const { offsets } = await log.append(records);
      expect(offsets).toHaveLength(2);
    }
  }

  /** The broker forgets what `forgotten` has done. */
  async function loseWhat(forgotten: () => Promise<void>): Promise<void> {
    await broker.kill9();
    await broker.copyData();
    await broker.restart();
    await forgotten();
    await broker.kill9();
    await broker.loseToCopy();
    await broker.restart();
  }

  const unhealthy = (log: LogAppender | LogReader, message: RegExp) =>
    vi.waitFor(
      () =>
        expect(log.health()).toMatchObject({ status: "unhealthy", message: expect.stringMatching(message) }),
      patiently,
    );

  it("is told to all who have read or written them, once others stand in their place, and nothing is taken or given", async () => {
    const [log, appender, other] = [await openLog(), await openAppender(), await openAppender()];
    const behind = await openReader({ cacheBytes: 0 });
    await append(log, "old", 3);
    await loseWhat(async () => {
      await append(log, "gone", 3);
      await append(appender, "gone too", 2);
      for (const reader of [log, behind]) {
        await vi.waitFor(() => expect(reader.ends()).toEqual([8, 8]), patiently);
      }
      for (let offset = 0; offset < 5; ) offset += (await behind.read(0, offset, 1))[0]!.count;
    });
    // Nobody has written yet: there is nothing where its records were.
    await unhealthy(log, /ends at offset 3, but had records up to offset 8: its tail is lost/);
    const waiting = log.append([logRecord("waiting")]).catch((error: unknown) => error);
    // This one has not lost anything of its own.
    await append(other, "new", 9);

    expect(await waiting).toMatchObject(lost);
    await expect(log.append([logRecord("more")])).rejects.toMatchObject(lost);
    expect(() => log.enqueue([logRecord("more")])).toThrow(/is lost/);
    await expect(log.read(0, 0, 1e6)).rejects.toMatchObject(lost);
    expect(log.ends()).toEqual([8, 8]);
    for (let times = 0; times < 2; times++) {
      await expect(appender.append([logRecord("more")])).rejects.toMatchObject(lost);
      await expect(behind.read(0, 5, 1)).rejects.toMatchObject(lost);
    }
    const message =
      `^the tail of topic ${topic}, partition [01], is lost: it had records up to offset \\d, and others have taken ` +
      "their place, from an earlier offset on that is not known\\. This process takes and applies nothing more\\. ";
    for (const part of [log, appender, behind]) await unhealthy(part, new RegExp(message));
    expect(losses).toHaveLength(3);
    // Nor may anybody start who goes on from where it was read; it is known by the batch that stood before.
    const mark = log.markAt(0, 8);
    const start = checkCommitted(options(), new Map([[0, { position: 8, epoch: 1, mark }]]));
    await expect(start).rejects.toThrow(LogStartError);
    await expect(start).rejects.toThrow(/others have taken their place/);
    const beyond = checkCommitted(options(), new Map([[0, { position: 13, epoch: 1 }]]));
    await expect(beyond).rejects.toThrow(/ends at offset 12, but had records up to offset 13/);
    // What was written meanwhile is there for who starts anew.
    expect(await readAll(await openReader())).toHaveLength(2 * 12);
  });

  it("acknowledges nothing that is put before what is known to be applied", async () => {
    const appender = await openAppender(new Map([[1, { position: 5, epoch: 1 }]]));
    const [first, second] = users.map((userId) => logRecord("an-id", { userId }));
    await appender.append([first!]);
    await expect(appender.append([second!])).rejects.toMatchObject(lost);
    expect(losses[0]?.message).toContain("a record was put at offset 0, where records up to offset 5 were");
  });

  it("is told of a topic that was deleted and made anew, however far it has grown, and a start is refused", async () => {
    const topicId = await presentTopicId(broker, topic);
    const remade = { identity: { ...newIdentity(partitions, randomBytes), topicId: topicId! } };
    const { log } = await openKafkaLog(broker, { ...options(), ...remade });
    closing.push(log.close);
    const appender = await createKafkaAppender({ ...options(), ...remade });
    closing.push(appender.close);
    await append(log, "old", 2);

    await remakeTopic(broker, topic, partitions);
    const other = await openAppender();
    await append(other, "new", 3);

    await unhealthy(log, new RegExp(`^topic ${topic} is not the one that the log was created with`));
    await expect(log.append([logRecord("more")])).rejects.toMatchObject(lost);
    // It has written nothing before, and looks at the topic's id from time to time.
    let tries = 0;
    await vi.waitFor(
      () => expect(appender.append([logRecord(`try-${tries++}`)])).rejects.toMatchObject(lost),
      patiently,
    );
    const opening = createKafkaAppender({ ...options(), ...remade });
    await expect(opening).rejects.toThrow(LogStartError);
    await expect(opening).rejects.toThrow(/was deleted and made anew/);
    expect(await readAll(await openReader())).toHaveLength(2 * 3 + tries - 1);
  });

  it("whose records were removed before they were applied stops a consumer at once, not with the next record", async () => {
    await append(await openAppender(), "old", 3);
    const reader = await openReader({ cacheBytes: 0 });
    const batches = createBatches({
      log: reader,
      assignment: everyPartition(partitions),
      positions: () => [0, 0],
      bytes: 1e6,
    });
    expect(await batches.next()).toHaveLength(2);
    const all = users.map((_, partition) => ({ partition, offset: "3" }));
    await withAdmin(broker, async (admin) => {
      await admin.fetchTopicMetadata({ topics: [topic] });
      await admin.deleteTopicRecords({ topic, partitions: all });
    });
    await expect(batches.next()).rejects.toThrow(RecordsRemovedError);
    await expect(batches.next()).rejects.toThrow(/begins at offset 3, but is applied only up to 0/);
  });
});
