/**
 * Records read straight into flattened events, without the messages between, a third of the work: the store reads every
 * record and wants nothing else of it. Records of the common shape (no payload and no replay, each field known and written once) are
 * read here, all others, and all that are broken, by decodeRecord and flattenEvent, with which this agrees.
 */
import { EventType } from "../../../gen/analytics/v1/event_pb.js";
import { clientTimestampKey, type FlatEvent, flattenEvent, rfc3339 } from "./flatten.ts";
import { enumTexts } from "./payload.ts";
import { decodeRecord } from "./record.ts";
import { createWireScanner, WireError, type WireScanner } from "./wire-scanner.ts";

export interface FlatRecord {
  readonly project: string;
  readonly flat: FlatEvent;
  /** Bytes of the event as it was sent. */
  readonly eventBytes: number;
  /** Id of the dead letter that the record replays; absent: none. */
  readonly replays?: string;
  /** traceparent of the call that brought it; absent: it was not traced. */
  readonly trace?: string;
}

/** Tags of the wire format: field number and wire type (0 varint, 1 eight bytes, 2 length-delimited). */
const varint = (field: number) => field << 3;
const double = (field: number) => (field << 3) | 1;
const delimited = (field: number) => (field << 3) | 2;

const eventTypes = enumTexts(EventType);

/** @returns a function from a record's bytes; it throws Error where they are no record, as decodeRecord does */
export function createFlatRecordReader(): (bytes: Uint8Array) => FlatRecord {
  const scanner = createWireScanner();
  return (bytes) => {
    try {
      const common = readRecord(scanner, bytes);
      if (common !== undefined) return common;
    } catch (error) {
      if (!(error instanceof WireError)) throw error;
    }
    const record = decodeRecord(bytes);
    return {
      project: record.project,
      flat: flattenEvent(record.event, record),
      eventBytes: record.eventBytes,
      ...(record.deadLetterId === "" ? {} : { replays: record.deadLetterId }),
      ...(record.trace === "" ? {} : { trace: record.trace }),
    };
  };
}

/** An event's own fields as they stand. */
interface PlainEvent {
  id: string;
  userId: string;
  sessionId: string;
  eventType: number;
  name: string;
  timestampUs: number | undefined;
  source: string;
  readonly properties: Record<string, string>;
  readonly measures: Record<string, number>;
}

/** undefined where the record is not of the common shape. */
function readRecord(scanner: WireScanner, bytes: Uint8Array): FlatRecord | undefined {
  scanner.reset(bytes);
  let project = "";
  let receivedUs: number | undefined;
  let event: PlainEvent | undefined;
  let eventBytes = 0;
  let id = "";
  let shiftedUs: number | undefined;
  let originalUs: number | undefined;
  let trace = "";
  while (scanner.position < scanner.end) {
    switch (scanner.uint()) {
      case delimited(1):
        project = scanner.text();
        break;
      case delimited(2):
        receivedUs = readTimestamp(scanner);
        break;
      case delimited(3):
        scanner.text();
        break;
      case delimited(4):
        if (event !== undefined) return undefined;
        eventBytes = scanner.uint();
        event = readEvent(scanner, scanner.position + eventBytes);
        if (event === undefined) return undefined;
        break;
      case delimited(5):
        id = scanner.text();
        break;
      case delimited(6):
        shiftedUs = readTimestamp(scanner);
        break;
      case delimited(7):
        originalUs = readTimestamp(scanner);
        break;
      case delimited(9):
        trace = scanner.text();
        break;
      default:
        return undefined;
    }
  }
  if (project === "" || receivedUs === undefined || event === undefined) return undefined;
  const { properties } = event;
  if (originalUs !== undefined && !Object.hasOwn(properties, clientTimestampKey)) {
    properties[clientTimestampKey] = rfc3339(originalUs);
  }
  const eventType = eventTypes.get(event.eventType) ?? "custom";
  const flat: FlatEvent = {
    id: id || event.id,
    userId: event.userId,
    sessionId: event.sessionId,
    name: event.name || eventType,
    eventType,
    source: event.source,
    timestampUs: shiftedUs ?? event.timestampUs ?? receivedUs,
    receivedUs,
    properties,
    measures: event.measures,
  };
  return trace === "" ? { project, flat, eventBytes } : { project, flat, eventBytes, trace };
}

function readEvent(scanner: WireScanner, end: number): PlainEvent | undefined {
  if (end > scanner.end) return undefined;
  const event: PlainEvent = {
    id: "",
    userId: "",
    sessionId: "",
    eventType: 0,
    name: "",
    timestampUs: undefined,
    source: "",
    properties: {},
    measures: {},
  };
  while (scanner.position < end) {
    switch (scanner.uint()) {
      case delimited(1):
        event.id = scanner.text();
        break;
      case delimited(2):
        event.userId = scanner.text();
        break;
      case delimited(3):
        event.sessionId = scanner.text();
        break;
      case varint(4):
        event.eventType = readInt32(scanner);
        break;
      case delimited(5):
        event.name = scanner.text();
        break;
      case delimited(6):
        if (event.timestampUs !== undefined) return undefined;
        event.timestampUs = readTimestamp(scanner);
        break;
      case delimited(7):
        event.source = scanner.text();
        break;
      case delimited(8): {
        const entryEnd = scanner.uint() + scanner.position;
        const key = readKey(scanner, delimited(2));
        if (key === undefined) return undefined;
        event.properties[key] = scanner.text();
        if (scanner.position !== entryEnd) return undefined;
        break;
      }
      case delimited(9): {
        const entryEnd = scanner.uint() + scanner.position;
        const key = readKey(scanner, double(2));
        if (key === undefined) return undefined;
        event.measures[key] = scanner.double();
        if (scanner.position !== entryEnd) return undefined;
        break;
      }
      default:
        return undefined;
    }
  }
  return scanner.position === end ? event : undefined;
}

/** A number of 32 bits that is not negative. */
function readInt32(scanner: WireScanner): number {
  const value = scanner.uint();
  if (value > 0x7fffffff) throw new WireError("a number has more than 32 bits");
  return value;
}

/** A map entry's key, up to where its value begins. Writers put both, the key first. */
function readKey(scanner: WireScanner, valueTag: number): string | undefined {
  if (scanner.uint() !== delimited(1)) return undefined;
  const key = scanner.text();
  // A key of that name would change the object's prototype.
  return scanner.uint() === valueTag && key !== "__proto__" ? key : undefined;
}

function readTimestamp(scanner: WireScanner): number {
  const end = scanner.uint() + scanner.position;
  let seconds = 0;
  let nanos = 0;
  while (scanner.position < end) {
    const tag = scanner.uint();
    if (tag === varint(1)) seconds = scanner.uint();
    else if (tag === varint(2)) nanos = readInt32(scanner);
    else throw new WireError("a timestamp has another field");
  }
  if (scanner.position !== end) throw new WireError("a timestamp ends within a number");
  return seconds * 1_000_000 + Math.floor(nanos / 1000);
}
