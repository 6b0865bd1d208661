import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type StreamEventsRequest, StreamEventsRequestSchema } from "../../gen/analytics/v1/ingestion_pb.js";
import { createEventStream } from "../../src/ingestion/stream.ts";
import type { LogRecord } from "../../src/log/log.ts";
import { callOf, type IngestionFixture, ingestionFixture, ingestionOver } from "../support/ingestion.ts";

let fixture: IngestionFixture;
beforeEach(async () => {
  fixture = await ingestionFixture();
});
afterEach(() => fixture.remove());

const message = (init: MessageInitShape<typeof StreamEventsRequestSchema>) =>
  create(StreamEventsRequestSchema, init);
const config = message({ message: { case: "config", value: {} } });
const batch = (sequence: bigint, ...ids: string[]) =>
  message({
    message: { case: "batch", value: { sequence, events: ids.map((id) => ({ id, userId: "u" })) } },
  });

async function* from(...messages: StreamEventsRequest[]) {
  yield* messages;
}

/** What the stream answers, short: credit 5, ack 1 accepted/duplicate/rejected. */
async function answers(requests: AsyncIterable<StreamEventsRequest>, credits = 10): Promise<string[]> {
  const found: string[] = [];
  try {
    for await (const { message: m } of createEventStream(fixture.admission, { credits })(
      requests,
      callOf(),
    )) {
      if (m?.case === "credit") found.push(`credit ${m.value.events}`);
      else if (m?.case === "ack") {
        const { acceptedCount, duplicateCount, rejected } = m.value.result!;
        found.push(`ack ${m.value.sequence} ${acceptedCount}/${duplicateCount}/${rejected?.length}`);
      }
    }
  } catch (error) {
    found.push(`${(error as { reason: string }).reason}`);
  }
  return found;
}

describe("a stream of events", () => {
  test("grants credits, acknowledges each batch in order, and returns the credits", async () => {
    expect(await answers(from(config, batch(1n, "a", "b"), batch(2n, "b", "c")))).toEqual([
      "credit 10",
      "ack 1 2/0/0",
      "credit 2",
      "ack 2 1/1/0",
      "credit 2",
    ]);
  });

  test("keeps the order of its batches on the log, also behind one that takes long to be checked", async () => {
    const appended: string[] = [];
    const append = (records: readonly LogRecord[]) => {
      appended.push(records[0]!.id);
      return fixture.log.append(records);
    };
    const { admission } = ingestionOver({ ...fixture.log, append });
    const properties = Object.fromEntries(Array.from({ length: 60 }, (_, i) => [`key-${i}`, "value"]));
    const events = Array.from({ length: 1000 }, (_, i) => ({ id: `first-${i}`, userId: "u", properties }));
    const first = message({ message: { case: "batch", value: { sequence: 1n, events } } });
    const later = Array.from({ length: 5 }, (_, i) => batch(BigInt(i + 2), `later-${i}`));
    const acks: bigint[] = [];
    for await (const { message: m } of createEventStream(admission)(
      from(config, first, ...later),
      callOf(),
    )) {
      if (m?.case === "ack") acks.push(m.value.sequence!);
    }
    expect(appended).toEqual(["first-0", "later-0", "later-1", "later-2", "later-3", "later-4"]);
    expect(acks).toHaveLength(6);
  });

  test("that is left while its events wait for their turn has them not taken", async () => {
    const leaving = new AbortController();
    const appended: number[] = [];
    const append = (records: readonly LogRecord[]) => {
      appended.push(records.length);
      return fixture.log.append(records);
    };
    const taken: number[] = [];
    const events = {
      take: (count: number) => taken.push(count),
      delayMs() {
        if (taken.length === 0) return 0;
        leaving.abort(new Error("left"));
        return 60_000;
      },
    };
    const { admission } = ingestionOver({ ...fixture.log, append });
    const stream = createEventStream(admission)(from(config, batch(1n, "a"), batch(2n, "b", "c")), {
      ...callOf(),
      signal: leaving.signal,
      events,
    });
    const acks: bigint[] = [];
    const run = async () => {
      for await (const { message: m } of stream) if (m?.case === "ack") acks.push(m.value.sequence!);
    };
    await expect(run()).rejects.toThrow("left");
    expect({ taken, appended, acks }).toEqual({ taken: [1], appended: [1], acks: [1n] });
  });

  test("what is sent again on a new stream is recognised", async () => {
    await answers(from(config, batch(1n, "a", "b")));
    expect(await answers(from(config, batch(1n, "a", "b", "c")))).toContain("ack 1 1/2/0");
  });

  test("an empty stream ends well", async () => {
    expect(await answers(from())).toEqual(["credit 10"]);
  });

  test("a batch before the configuration is refused", async () => {
    expect(await answers(from(batch(1n, "a")))).toContain("INVALID_REQUEST");
  });

  test("a second configuration is refused", async () => {
    expect(await answers(from(config, config))).toContain("INVALID_REQUEST");
  });

  test("a gap in the sequence is refused, and what came before it is acknowledged", async () => {
    const found = await answers(from(config, batch(1n, "a"), batch(3n, "b")));
    expect(found).toContain("ack 1 1/0/0");
    expect(found.at(-1)).toBe("INVALID_REQUEST");
  });

  test("more events than credits end the stream, and nothing of the batch is taken", async () => {
    const found = await answers(from(config, batch(1n, "a", "b"), batch(2n, "c", "d", "e")), 4);
    expect(found.at(-1)).toBe("CREDIT_EXCEEDED");
    expect(await answers(from(config, batch(1n, "a", "b", "c", "d", "e")))).toContain("ack 1 3/2/0");
  });

  test("a sender that goes away ends it with what it was told", async () => {
    const caller = new AbortController();
    const reason = new Error("gone");
    const stream = createEventStream(fixture.admission)(
      (async function* () {
        yield config;
        await new Promise((_, reject) => caller.signal.addEventListener("abort", () => reject(reason)));
      })(),
      callOf({ signal: caller.signal }),
    );
    await stream[Symbol.asyncIterator]().next();
    const ended = (async () => {
      for await (const _ of stream);
    })();
    caller.abort(reason);
    await expect(ended).rejects.toBe(reason);
  });

  test("keeps an idle stream alive", async () => {
    const caller = new AbortController();
    const stream = createEventStream(fixture.admission, { heartbeatMs: 5 })(
      (async function* () {
        yield config;
        await new Promise<void>((resolve) => caller.signal.addEventListener("abort", () => resolve()));
      })(),
      callOf(),
    );
    const cases: unknown[] = [];
    for await (const { message: m } of stream) {
      cases.push(m?.case);
      if (cases.length === 3) caller.abort();
    }
    expect(cases.slice(0, 3)).toEqual(["credit", "heartbeat", "heartbeat"]);
  });
});
