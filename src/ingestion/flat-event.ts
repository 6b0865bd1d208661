import { create, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type Timestamp, TimestampSchema } from "@bufbuild/protobuf/wkt";
import { type Event, EventSchema } from "../../gen/analytics/v1/event_pb.js";
import type { FlatEvent } from "../../gen/analytics/v1/producer_pb.js";
import type { FieldViolation } from "../domain/errors.ts";

/** Numbers whose shortest decimal text is longer than this are measures only: nobody groups by them. */
const longestNumberText = 32;
/** As seconds, later than the year 5000: it can only be milliseconds. */
const leastMilliseconds = 1e11;
/** Nested objects deeper than this are refused. */
const deepest = 32;

/** The event that a flat event stands for, or why it cannot be one. */
export function fromFlatEvent(flat: FlatEvent): Event | FieldViolation {
  const properties: Record<string, string> = Object.create(null);
  const measures: Record<string, number> = Object.create(null);
  const problem =
    flatten(flat.properties ?? {}, "", 0, properties, measures) ?? checkTimestamp(flat.timestamp);
  if (problem) return problem;
  const event = create(EventSchema, {
    id: flat.id,
    userId: flat.userId,
    sessionId: flat.sessionId,
    name: flat.eventType,
    source: flat.source,
    properties,
    measures,
  });
  if (flat.timestamp !== undefined) event.timestamp = timestampOfSeconds(flat.timestamp);
  return event;
}

function flatten(
  object: JsonObject,
  prefix: string,
  depth: number,
  properties: Record<string, string>,
  measures: Record<string, number>,
): FieldViolation | undefined {
  if (depth > deepest) {
    return {
      field: "properties",
      ruleId: "properties.depth",
      message: `objects are nested deeper than ${deepest}`,
    };
  }
  for (const [key, value] of Object.entries(object)) {
    const name = prefix + key;
    if (isObject(value)) {
      const problem = flatten(value, `${name}.`, depth + 1, properties, measures);
      if (problem) return problem;
    } else if (typeof value === "number") {
      measures[name] = value;
      const text = String(value);
      if (text.length <= longestNumberText) properties[name] = text;
    } else if (Array.isArray(value)) {
      properties[name] = JSON.stringify(value);
    } else if (value !== null) {
      properties[name] = String(value);
    }
  }
  return undefined;
}

/**
 * Cut to microseconds as the sender wrote it: the shortest decimal text, since the double next to 1640995200.123457 lies
 * below it.
 */
function timestampOfSeconds(seconds: number): Timestamp {
  const text = String(seconds);
  // Below a microsecond the text has an exponent.
  const [whole = "0", fraction = ""] = text.includes("e") ? [] : text.split(".");
  return create(TimestampSchema, {
    seconds: BigInt(whole),
    nanos: Number(fraction.slice(0, 6).padEnd(6, "0")) * 1000,
  });
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function checkTimestamp(timestamp: number | undefined): FieldViolation | undefined {
  if (timestamp === undefined) return undefined;
  const refuse = (message: string): FieldViolation => ({
    field: "timestamp",
    ruleId: "timestamp.seconds",
    message,
  });
  if (!Number.isFinite(timestamp)) return refuse("must be a finite number of Unix seconds");
  if (Math.abs(timestamp) >= leastMilliseconds) {
    return refuse(
      `${timestamp} can only be milliseconds: give Unix seconds, such as ${Math.floor(timestamp / 1000)}`,
    );
  }
  return timestamp < 0 ? refuse("must not be before 1970") : undefined;
}
