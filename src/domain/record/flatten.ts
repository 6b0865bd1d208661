/**
 * Flattening: an event as queries, exports and live streams see it, its typed payload turned into properties and
 * measures under the names that the contract documents. Of one name the explicit pair wins, then the payload's scalar
 * field, its map's entry, its last custom metric.
 */
import type { Timestamp } from "@bufbuild/protobuf/wkt";
import type { Event } from "../../../gen/analytics/v1/event_pb.js";
import { eventTypeText, flattenPayload, payloadName } from "./payload.ts";

export { type FlatLimits, flatLimits, flatViolations } from "./limits.ts";

/** A flattened event. Times are microseconds since 1970. */
export interface FlatEvent {
  readonly id: string;
  readonly userId: string;
  /** Empty where there is none. */
  readonly sessionId: string;
  /** Never empty. */
  readonly name: string;
  /** user, transaction, system or custom. */
  readonly eventType: string;
  /** Empty where there is none. */
  readonly source: string;
  readonly timestampUs: number;
  readonly receivedUs: number;
  /** Own keys only; may be the event's own map, so it must not be written to. */
  readonly properties: Readonly<Record<string, string>>;
  /** As properties. */
  readonly measures: Readonly<Record<string, number>>;
}

/** What the server knows of an event besides the event itself; a decoded record has this shape. */
export interface Reception {
  /** When the server received it. */
  readonly receivedUs: number;
  /** The id that the server assigned; empty or absent: the event's own. */
  readonly id?: string | undefined;
  /** The timestamp that counts; absent: the event's own, else receivedUs. */
  readonly timestampUs?: number | undefined;
  /** The timestamp that the sender gave, where the server shifted it. */
  readonly originalTimestampUs?: number | undefined;
}

/** Property that keeps the sender's timestamp where the server shifted it, as RFC 3339 text. */
export const clientTimestampKey = "client.timestamp";

/** Flattens one event. An event without payload is not copied. */
export function flattenEvent(event: Event, reception: Reception): FlatEvent {
  const { payload } = event;
  const { receivedUs, originalTimestampUs } = reception;
  const eventType = eventTypeText(event);
  let { properties, measures } = event;
  if (payload.case !== undefined || originalTimestampUs !== undefined) {
    // Without a prototype, so that a key named __proto__ is a key like any other.
    const flatProperties: Record<string, string> = Object.create(null);
    const flatMeasures: Record<string, number> = Object.create(null);
    flattenPayload(payload, flatProperties, flatMeasures);
    if (originalTimestampUs !== undefined) flatProperties[clientTimestampKey] = rfc3339(originalTimestampUs);
    properties = Object.assign(flatProperties, properties);
    measures = Object.assign(flatMeasures, measures);
  }
  return {
    id: reception.id || event.id,
    userId: event.userId,
    sessionId: event.sessionId,
    name: event.name || payloadName(payload) || eventType,
    eventType,
    source: event.source,
    timestampUs: reception.timestampUs ?? (event.timestamp ? timestampUs(event.timestamp) : receivedUs),
    receivedUs,
    properties,
    measures,
  };
}

/** Microseconds since 1970; finer digits are cut. Exact until the year 2255. */
export function timestampUs(timestamp: Timestamp): number {
  return Number(timestamp.seconds) * 1_000_000 + Math.floor(timestamp.nanos / 1000);
}

/** The timestamp of whole microseconds since 1970. */
export function timestampOf(us: number): Timestamp {
  const seconds = Math.floor(us / 1_000_000);
  return {
    $typeName: "google.protobuf.Timestamp",
    seconds: BigInt(seconds),
    nanos: (us - seconds * 1_000_000) * 1000,
  };
}

/** RFC 3339 in UTC, with as many digits of a second as it takes, at most 6. */
export function rfc3339(us: number): string {
  const ms = Math.floor(us / 1000);
  const micros = us - ms * 1000;
  const iso = new Date(ms).toISOString();
  if (micros !== 0) return `${iso.slice(0, -1)}${String(micros).padStart(3, "0")}Z`;
  return iso.endsWith(".000Z") ? `${iso.slice(0, -5)}Z` : iso;
}
