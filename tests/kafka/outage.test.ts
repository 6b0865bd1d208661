/** What senders are told while the brokers of the log are away, whichever way they send. */
import { create } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { type Event, EventSchema } from "../../gen/analytics/v1/event_pb.js";
import type { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import type { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import type { Call, ServiceImplementation } from "../../src/domain/call.ts";
import { WeirError } from "../../src/domain/errors.ts";
import { senderOf } from "../../src/ingestion/answers.ts";
import { createProducerService } from "../../src/ingestion/producer.ts";
import { createReplay } from "../../src/ingestion/replay.ts";
import { createIngestionService } from "../../src/ingestion/service.ts";
import type { EventLog } from "../../src/log/log.ts";
import { callOf, ingestionOver } from "../support/ingestion.ts";
import { openKafkaLog } from "../support/kafka/log.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord } from "../support/level-log.ts";

let broker: KafkaBroker;
const logs: EventLog[] = [];
beforeAll(async () => {
  broker = await startKafka();
});
afterAll(() => broker.close());
afterEach(async () => {
  broker.resume();
  for (const log of logs.splice(0)) await log.close();
});

/** A log that takes itself for stalled after so long without an answer; no request ends for its time before. */
async function open(stalledAfterMs: number): Promise<EventLog> {
  const connection = { ...broker, requestTimeoutMs: 120_000 };
  const { log } = await openKafkaLog(connection, { closeTimeoutMs: 500, stalledAfterMs });
  logs.push(log);
  return log;
}

const event = (id: string): Event => create(EventSchema, { id, userId: "ann", name: "tick" });
const flat = (id: string) => ({ id, userId: "ann", eventType: "tick" });

/** Calls every way in with a deadline, which the call's own signal tells of as transport's does. */
function ways(log: EventLog, deadlineMs: number) {
  const { admission, stats, visibility } = ingestionOver(log, Date.now);
  const none = () => [];
  const ingestion = createIngestionService({ admission, health: none })
    .implementation as unknown as ServiceImplementation<typeof EventIngestionService>;
  const queue = () => ({ events: 0, bytes: 0 });
  const producer = createProducerService({ admission, stats, health: none, queue })
    .implementation as unknown as ServiceImplementation<typeof ProducerService>;
  const replay = createReplay({ log, visibility, now: Date.now });

  function call(): Call {
    const controller = new AbortController();
    const late = new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "the deadline passed");
    setTimeout(() => controller.abort(late), deadlineMs);
    return callOf({ deadline: Date.now() + deadlineMs, signal: controller.signal });
  }
  async function* batches(id: string) {
    yield { message: { case: "config", value: {} } };
    yield { message: { case: "batch", value: { sequence: 1n, events: [event(id)] } } };
    await new Promise(() => {});
  }
  async function streamed(id: string): Promise<void> {
    for await (const { message } of ingestion.streamEvents(batches(id) as never, call())) {
      if (message?.case === "ack") return;
    }
  }
  const timeout = { seconds: 0n, nanos: deadlineMs * 1e6 };
  return [
    ingestion.ingestEvent({ event: event("one") } as never, call()),
    ingestion.ingestEvent({ event: event("timed"), options: { timeout } } as never, callOf()),
    ingestion.ingestEvents({ events: [event("batch")] } as never, call()),
    streamed("stream"),
    producer.sendEvent({ event: flat("flat") } as never, call()),
    producer.sendBatchEvents({ events: [flat("flats")] } as never, call()),
    replay(
      [{ project: "default", userId: "ann", record: Buffer.from("a record"), partition: 0, offset: 7 }],
      senderOf(call()),
    ),
  ] as readonly Promise<unknown>[];
}

async function outcomes(log: EventLog, deadlineMs: number): Promise<unknown[]> {
  const settled = await Promise.allSettled(ways(log, deadlineMs));
  return settled.map((outcome) => (outcome.status === "rejected" ? outcome.reason : outcome));
}

const unavailable = {
  code: "UNAVAILABLE",
  reason: "LOG_UNAVAILABLE",
  retryDelayMs: expect.any(Number),
  message: expect.stringMatching(/^the log cannot be written now; .*(same ids may be sent again|once more)$/),
};

it("brokers that are gone: UNAVAILABLE at the deadline with a delay, and the same ids again count once", async () => {
  const log = await open(Number.POSITIVE_INFINITY);
  await broker.kill9();
  // The first one finds out.
  log.enqueue([logRecord("first")]);
  await vi.waitFor(() => expect(log.getsThrough()).toBe(false), { timeout: 30_000 });
  for (const outcome of await outcomes(log, 50)) expect(outcome).toMatchObject(unavailable);
  await broker.restart();
  const patient = await outcomes(log, 60_000);
  for (const outcome of patient) expect(outcome).toMatchObject({ status: "fulfilled" });
  expect(log.getsThrough()).toBe(true);
  // The first one and one of each way.
  await vi.waitFor(() => expect(log.ends().reduce((sum, end) => sum + end)).toBe(1 + patient.length));
});

it("brokers that do not answer: DEADLINE_EXCEEDED at first, UNAVAILABLE once they have not for long", async () => {
  const [patient, impatient] = [await open(Number.POSITIVE_INFINITY), await open(1)];
  await broker.stall();
  for (const outcome of await outcomes(patient, 20)) {
    expect(outcome).toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "DEADLINE_EXCEEDED" });
  }
  impatient.enqueue([logRecord("first")]);
  await vi.waitFor(() => expect(impatient.health().status).toBe("unhealthy"));
  for (const outcome of await outcomes(impatient, 20)) expect(outcome).toMatchObject(unavailable);
});
