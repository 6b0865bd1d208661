import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { RecordSchema } from "../../gen/analytics/v1/record_pb.js";
import { deadLetterId, deadLetterPlace, encodeReplayField } from "../../src/domain/record/dead-letter.ts";
import {
  decodeRecord,
  encodeEventField,
  encodeRecordHead,
  encodeRecordTail,
  type RecordTail,
} from "../../src/domain/record/record.ts";

function encode(eventBytes: Uint8Array, tail: RecordTail = {}): Uint8Array {
  const parts = [
    encodeRecordHead("p", 1_700_000_000_123_456, "r"),
    encodeEventField(eventBytes.length),
    eventBytes,
  ];
  const end = encodeRecordTail(tail);
  return Buffer.concat(end === undefined ? parts : [...parts, end]);
}

const event = create(EventSchema, { id: "i", userId: "u", timestamp: { seconds: 5n, nanos: 1999 } });

it("is a Record of the contract, whatever the event's length", () => {
  for (const length of [0, 100, 127, 128, 16_383, 16_384, 65_536]) {
    const sent = create(EventSchema, { ...event, source: "x".repeat(length) });
    const record = fromBinary(RecordSchema, encode(toBinary(EventSchema, sent)));
    expect(record.event).toEqual(sent);
    expect(record).toMatchObject({ project: "p", requestId: "r", id: "" });
    expect(record.receivedTime).toMatchObject({ seconds: 1_700_000_000n, nanos: 123_456_000 });
  }
});

it("decodes to the event's own id and timestamp, cut to microseconds, where the server set none", () => {
  const bytes = toBinary(EventSchema, event);
  expect(encodeRecordTail({})).toBeUndefined();
  expect(decodeRecord(encode(bytes))).toEqual({
    project: "p",
    receivedUs: 1_700_000_000_123_456,
    requestId: "r",
    event,
    eventBytes: bytes.length,
    id: "i",
    timestampUs: 5_000_001,
    originalTimestampUs: undefined,
    deadLetterId: "",
    trace: "",
  });
});

it("decodes to the server's id and timestamps where it set them", () => {
  const tail = { id: "server", timestampUs: 0, originalTimestampUs: -1_500_000 };
  expect(decodeRecord(encode(toBinary(EventSchema, event), tail))).toMatchObject(tail);
});

it("tells which dead letter a record replays, and decodes as it did before", () => {
  const record = encode(toBinary(EventSchema, event));
  const id = deadLetterId({ partition: 3, offset: 1042 });
  const replay = Buffer.concat([record, encodeReplayField(id)]);
  expect(decodeRecord(replay)).toEqual({ ...decodeRecord(record), deadLetterId: "3-1042" });
  expect(deadLetterPlace("3-1042")).toEqual({ partition: 3, offset: 1042 });
  expect(deadLetterPlace("0-0")).toEqual({ partition: 0, offset: 0 });
  for (const none of ["", "3", "-1-2", "3-1042-5", "a-b", "3-1e3", "03-1042", "3-01042", "00-0", "0-00"])
    expect(deadLetterPlace(none)).toBeUndefined();
});

it("falls back to the received time", () => {
  const bytes = toBinary(EventSchema, create(EventSchema, { userId: "u" }));
  expect(decodeRecord(encode(bytes)).timestampUs).toBe(1_700_000_000_123_456);
});

it("reads what another encoder wrote: unknown fields, the event in two pieces", () => {
  const record = encode(toBinary(EventSchema, event));
  const piece = toBinary(EventSchema, create(EventSchema, { source: "s" }));
  const more = [encodeEventField(piece.length), piece, Uint8Array.of(0x78, 1)];
  expect(decodeRecord(Buffer.concat([record, ...more])).event).toMatchObject({
    id: "i",
    userId: "u",
    source: "s",
  });
});

it.each([
  ["nothing", []],
  ["no protobuf", [0xff, 0xff]],
  ["no event", encodeRecordHead("p", 1, "")],
  ["no project", encodeRecordHead("", 1, "")],
  ["a project that is not UTF-8", [0x0a, 1, 0xff]],
  ["a field of another wire type", [0x08, 1]],
  ["a record cut short", encode(toBinary(EventSchema, event)).subarray(0, -1)],
])("refuses %s", (_, bytes) => {
  expect(() => decodeRecord(Uint8Array.from(bytes))).toThrow();
});
