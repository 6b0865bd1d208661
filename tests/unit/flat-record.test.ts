import { create, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { expect, it } from "vitest";
import { EventSchema, type EventType, type TransactionType } from "../../gen/analytics/v1/event_pb.js";
import { encodeReplayField } from "../../src/domain/record/dead-letter.ts";
import { createFlatRecordReader, type FlatRecord } from "../../src/domain/record/flat-record.ts";
import { flattenEvent } from "../../src/domain/record/flatten.ts";
import {
  decodeRecord,
  encodeEventField,
  encodeRecordHead,
  encodeRecordTail,
} from "../../src/domain/record/record.ts";

const read = createFlatRecordReader();

/** What the two steps give; undefined where they refuse the bytes. */
function inTwoSteps(bytes: Uint8Array): FlatRecord | undefined {
  try {
    const record = decodeRecord(bytes);
    const flat = flattenEvent(record.event, record);
    return {
      project: record.project,
      flat,
      eventBytes: record.eventBytes,
      ...(record.deadLetterId === "" ? {} : { replays: record.deadLetterId }),
      ...(record.trace === "" ? {} : { trace: record.trace }),
    };
  } catch {
    return undefined;
  }
}

function inOneStep(bytes: Uint8Array): FlatRecord | undefined {
  try {
    return read(bytes);
  } catch {
    return undefined;
  }
}

const text = fc.oneof(
  fc.string({ maxLength: 40 }),
  fc.string({ unit: "grapheme", maxLength: 40 }),
  fc.constant("__proto__"),
);
const us = fc.option(fc.integer({ min: -1e6, max: 4e15 }), { nil: undefined });
const timestamp = fc.option(
  fc.record({
    seconds: fc.bigInt({ min: -5n, max: 10n ** 10n }),
    nanos: fc.integer({ min: -1, max: 999_999_999 }),
  }),
  { nil: undefined },
);
const payload = fc.constantFrom(
  undefined,
  undefined,
  { case: "userEvent" as const, value: { action: "a", metadata: { k: "v" } } },
  { case: "transactionEvent" as const, value: { type: 1 as TransactionType, amount: 2 } },
);

const record = fc
  .record({
    project: text,
    receivedUs: fc.nat({ max: 4e15 }),
    requestId: text,
    trace: text,
    tail: fc.record({ id: text, timestampUs: us, originalTimestampUs: us }),
    replayed: fc.option(text),
    event: fc.record({
      id: text,
      userId: text,
      sessionId: text,
      eventType: fc.integer({ min: -1, max: 6 }).map((type) => type as EventType),
      name: text,
      timestamp,
      source: text,
      properties: fc.dictionary(text, text, { maxKeys: 5 }),
      measures: fc.dictionary(text, fc.double(), { maxKeys: 5 }),
      payload,
    }),
  })
  .map(
    ({
      project,
      receivedUs,
      requestId,
      trace,
      tail,
      replayed,
      event: { timestamp: sent, payload: shape, ...plain },
    }) => {
      const event = create(EventSchema, {
        ...plain,
        ...(sent === undefined ? {} : { timestamp: sent }),
        ...(shape === undefined ? {} : { payload: shape }),
      });
      const bytes = toBinary(EventSchema, event);
      const head = encodeRecordHead(project, receivedUs, requestId, trace);
      return Buffer.concat([
        head,
        encodeEventField(bytes.length),
        bytes,
        encodeRecordTail(tail) ?? new Uint8Array(),
        replayed === null ? new Uint8Array() : encodeReplayField(replayed),
      ]);
    },
  );

it("reads what decoding and flattening would", () => {
  fc.assert(
    fc.property(record, (bytes) => {
      expect(inOneStep(bytes)).toEqual(inTwoSteps(bytes));
    }),
    { numRuns: 1000 },
  );
});

it("takes and refuses broken bytes as decoding does", () => {
  const broken = fc
    .tuple(record, fc.nat(), fc.nat({ max: 255 }), fc.boolean())
    .map(([bytes, place, byte, cut]) => {
      const at = place % bytes.length;
      if (cut) return bytes.subarray(0, at);
      const changed = Uint8Array.from(bytes);
      changed[at] = byte;
      return changed;
    });
  fc.assert(
    fc.property(broken, (bytes) => {
      expect(inOneStep(bytes)).toEqual(inTwoSteps(bytes));
    }),
    { numRuns: 5000 },
  );
});

it("does not mix up texts that it keeps", () => {
  const texts = fc.array(fc.string({ unit: fc.constantFrom("a", "b", "\0", "\u007f"), maxLength: 26 }), {
    maxLength: 20,
  });
  fc.assert(
    fc.property(texts, (names) => {
      for (const name of names) {
        const bytes = toBinary(EventSchema, create(EventSchema, { userId: "u", source: name }));
        const parts = [encodeRecordHead("p", 1, ""), encodeEventField(bytes.length), bytes];
        expect(read(Buffer.concat(parts)).flat.source).toBe(name);
      }
    }),
  );
});
