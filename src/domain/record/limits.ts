/**
 * Limits that hold for an event as sent and as flattened. Admission checks them before it appends, the store again as it
 * applies, because not every record on a log has passed admission.
 */
import type { FieldViolation } from "../errors.ts";
import type { FlatEvent } from "./flatten.ts";

export interface FlatLimits {
  readonly properties: number;
  readonly measures: number;
  /** Characters (Unicode code points) of a key, at least 1. */
  readonly keyCharacters: number;
  /** Bytes of a property's value in UTF-8. */
  readonly valueBytes: number;
  /** Bytes of the event in protobuf. */
  readonly eventBytes: number;
  /** Greatest timestamp in microseconds that a number holds exactly (June 2255). */
  readonly timestampUs: number;
}

export const flatLimits: FlatLimits = {
  properties: 128,
  measures: 64,
  keyCharacters: 128,
  valueBytes: 8 * 1024,
  eventBytes: 64 * 1024,
  timestampUs: Number.MAX_SAFE_INTEGER,
};

/**
 * Broken limits of a flattened event; empty where it keeps all. Field paths are those of the event (`properties["a"]`).
 *
 * @param sentBytes length of the event in protobuf as it was sent
 */
export function flatViolations(
  flat: FlatEvent,
  sentBytes: number,
  limits: FlatLimits = flatLimits,
): FieldViolation[] {
  const violations: FieldViolation[] = [];
  if (!(flat.timestampUs >= 0 && flat.timestampUs <= limits.timestampUs)) {
    violations.push(violation("timestamp", "timestamp.range", "must lie between 1970 and 2255"));
  }
  // At most 3 bytes of UTF-8 for each UTF-16 unit, and for each field or entry two tags and lengths.
  let bound = textBound(flat);
  let pairs = 0;
  for (const key in flat.properties) {
    pairs++;
    const value = flat.properties[key]!;
    bound += 16 + 3 * (key.length + value.length);
    if (key.length === 0 || key.length > limits.keyCharacters)
      checkKey("properties", key, limits, violations);
    if (value.length * 3 > limits.valueBytes && Buffer.byteLength(value) > limits.valueBytes) {
      violations.push(
        violation(path("properties", key), "string.max_bytes", `must be at most ${limits.valueBytes} bytes`),
      );
    }
  }
  if (pairs > limits.properties) {
    violations.push(
      violation("properties", "map.max_pairs", `must be at most ${limits.properties} entries, flattened`),
    );
  }
  let numbers = 0;
  for (const key in flat.measures) {
    numbers++;
    bound += 24 + 3 * key.length;
    if (key.length === 0 || key.length > limits.keyCharacters) checkKey("measures", key, limits, violations);
    if (!Number.isFinite(flat.measures[key])) {
      violations.push(violation(path("measures", key), "double.finite", "must be finite"));
    }
  }
  if (numbers > limits.measures) {
    violations.push(
      violation("measures", "map.max_pairs", `must be at most ${limits.measures} entries, flattened`),
    );
  }
  if (sentBytes > limits.eventBytes) {
    violations.push(
      violation("", "event.max_bytes", `must be at most ${limits.eventBytes} bytes, is ${sentBytes}`),
    );
  } else if (bound > limits.eventBytes) {
    const bytes = flatBytes(flat);
    if (bytes > limits.eventBytes) {
      const message = `must be at most ${limits.eventBytes} bytes, is ${bytes} flattened`;
      violations.push(violation("", "event.max_bytes", message));
    }
  }
  return violations;
}

/** Bytes that the flattened event takes as an analytics.v1.Event in protobuf. */
export function flatBytes(flat: FlatEvent): number {
  let bytes = 2 + timestampField(flat.timestampUs);
  for (const text of [flat.id, flat.userId, flat.sessionId, flat.name, flat.source]) {
    // An empty text is not written at the top level.
    if (text !== "") bytes += delimited(Buffer.byteLength(text));
  }
  // Inside a map's entry key and value are written even where they are empty.
  for (const [key, value] of Object.entries(flat.properties)) {
    bytes += delimited(delimited(Buffer.byteLength(key)) + delimited(Buffer.byteLength(value)));
  }
  for (const key of Object.keys(flat.measures)) bytes += delimited(delimited(Buffer.byteLength(key)) + 9);
  return bytes;
}

function textBound(flat: FlatEvent): number {
  const { id, userId, sessionId, name, source } = flat;
  return 64 + 3 * (id.length + userId.length + sessionId.length + name.length + source.length);
}

function checkKey(map: string, key: string, limits: FlatLimits, violations: FieldViolation[]): void {
  if (key === "") {
    violations.push(violation(path(map, key), "string.min_len", "key must be at least 1 character"));
  } else if ([...key].length > limits.keyCharacters) {
    const message = `key must be at most ${limits.keyCharacters} characters`;
    violations.push(violation(path(map, key), "string.max_len", message));
  }
}

function violation(field: string, ruleId: string, message: string): FieldViolation {
  return { field, ruleId, message };
}

function path(map: string, key: string): string {
  return `${map}[${JSON.stringify(key)}]`;
}

/** Tag of one byte, length, content. */
function delimited(length: number): number {
  return 1 + varintBytes(length) + length;
}

function timestampField(us: number): number {
  const seconds = Math.floor(us / 1_000_000);
  const nanos = (us - seconds * 1_000_000) * 1000;
  return delimited(
    (seconds === 0 ? 0 : 1 + varintBytes(seconds)) + (nanos === 0 ? 0 : 1 + varintBytes(nanos)),
  );
}

function varintBytes(value: number): number {
  let length = 1;
  for (let rest = value; rest >= 0x80; rest = Math.floor(rest / 128)) length++;
  return length;
}
