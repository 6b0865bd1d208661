/**
 * Codec of analytics.v1.Record, in pieces: a batch shares one head, and the event's own bytes stand between a short
 * prefix and a tail that most records do not have. Put one after the other, head, prefix, event and tail are the record.
 */
import { fromBinary, mergeFromBinary } from "@bufbuild/protobuf";
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema } from "../../../gen/analytics/v1/event_pb.js";
import { timestampUs } from "./flatten.ts";

/**
 * Fields 1 to 3 and 9: project, received time (microseconds since 1970), request id and traceparent. The same for a whole
 * batch.
 */
export function encodeRecordHead(
  project: string,
  receivedUs: number,
  requestId: string,
  trace = "",
): Uint8Array {
  const writer = new BinaryWriter().tag(1, WireType.LengthDelimited).string(project);
  writeTimestamp(writer, 2, receivedUs);
  if (requestId !== "") writer.tag(3, WireType.LengthDelimited).string(requestId);
  if (trace !== "") writer.tag(9, WireType.LengthDelimited).string(trace);
  return writer.finish();
}

/** Tag and length of field 4; the event's bytes follow. */
export function encodeEventField(eventByteLength: number): Uint8Array {
  const tag = (4 << 3) | WireType.LengthDelimited;
  if (eventByteLength < 0x80) return Uint8Array.of(tag, eventByteLength);
  if (eventByteLength < 0x4000)
    return Uint8Array.of(tag, (eventByteLength & 0x7f) | 0x80, eventByteLength >>> 7);
  return new BinaryWriter().tag(4, WireType.LengthDelimited).uint32(eventByteLength).finish();
}

/** What the server set or shifted, where it did. Times are microseconds since 1970. */
export interface RecordTail {
  readonly id?: string | undefined;
  readonly timestampUs?: number | undefined;
  readonly originalTimestampUs?: number | undefined;
}

/** Fields 5 to 7; undefined where none is set, and the record ends with the event. */
export function encodeRecordTail(tail: RecordTail): Uint8Array | undefined {
  const { id, timestampUs: shifted, originalTimestampUs: original } = tail;
  if (!id && shifted === undefined && original === undefined) return undefined;
  const writer = new BinaryWriter();
  if (id) writer.tag(5, WireType.LengthDelimited).string(id);
  if (shifted !== undefined) writeTimestamp(writer, 6, shifted);
  if (original !== undefined) writeTimestamp(writer, 7, original);
  return writer.finish();
}

/** A record as read from the log. Times are microseconds since 1970. */
export interface DecodedRecord {
  readonly project: string;
  readonly receivedUs: number;
  readonly requestId: string;
  readonly event: Event;
  /** Bytes of the event as it was sent. */
  readonly eventBytes: number;
  /** The server's, else the event's own. */
  readonly id: string;
  /** The one that counts: the shifted one, else the event's own, else the received time. */
  readonly timestampUs: number;
  readonly originalTimestampUs: number | undefined;
  /** Id of the dead letter that it replays; empty: none. */
  readonly deadLetterId: string;
  /** traceparent of the call that brought it; empty: it was not traced. */
  readonly trace: string;
}

/** @throws Error where the bytes are no record: not protobuf, or without project, received time or event */
export function decodeRecord(bytes: Uint8Array): DecodedRecord {
  if (bytes.length === 0) throw new Error("the record is empty");
  const reader = new BinaryReader(bytes);
  let project = "";
  let requestId = "";
  let id = "";
  let received: number | undefined;
  let shifted: number | undefined;
  let original: number | undefined;
  let event: Event | undefined;
  let eventBytes = 0;
  let deadLetterId = "";
  let trace = "";
  while (reader.pos < reader.len) {
    const [field, wireType] = reader.tag();
    if (field < 1 || field > 9) {
      reader.skip(wireType, field);
      continue;
    }
    if (wireType !== WireType.LengthDelimited) throw new Error(`field ${field} has wire type ${wireType}`);
    if (field === 1) project = reader.string(true);
    else if (field === 2) received = readTimestamp(reader);
    else if (field === 3) requestId = reader.string(true);
    else if (field === 5) id = reader.string(true);
    else if (field === 6) shifted = readTimestamp(reader);
    else if (field === 7) original = readTimestamp(reader);
    else if (field === 8) deadLetterId = reader.string(true);
    else if (field === 9) trace = reader.string(true);
    else {
      const value = reader.bytes();
      // A message that comes in several pieces is their merger, as everywhere in protobuf.
      event =
        event === undefined ? fromBinary(EventSchema, value) : mergeFromBinary(EventSchema, event, value);
      eventBytes += value.length;
    }
  }
  if (project === "") throw new Error("the record has no project");
  if (received === undefined) throw new Error("the record has no received time");
  if (event === undefined) throw new Error("the record has no event");
  const own = shifted ?? (event.timestamp && timestampUs(event.timestamp));
  return {
    project,
    receivedUs: received,
    requestId,
    event,
    eventBytes,
    id: id || event.id,
    timestampUs: own ?? received,
    originalTimestampUs: original,
    deadLetterId,
    trace,
  };
}

function readTimestamp(reader: BinaryReader): number {
  return timestampUs(fromBinary(TimestampSchema, reader.bytes()));
}

function writeTimestamp(writer: BinaryWriter, field: number, us: number): void {
  const seconds = Math.floor(us / 1_000_000);
  const nanos = (us - seconds * 1_000_000) * 1000;
  writer.tag(field, WireType.LengthDelimited).fork();
  if (seconds !== 0) writer.tag(1, WireType.Varint).int64(seconds);
  if (nanos !== 0) writer.tag(2, WireType.Varint).int32(nanos);
  writer.join();
}
