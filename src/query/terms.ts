/** The terms of a question that come as text: metrics, dimensions, limits. */
import { invalidField, WeirError } from "../domain/errors.ts";
import { type Zone, zoneOf } from "../domain/zone.ts";
import type { Dimension, Metric } from "../store/questions.ts";

const measured = /^(sum|avg|min|max|p50|p90|p95|p99)\(([\s\S]+)\)$/;

/** @throws WeirError UNIMPLEMENTED/NOT_YET_BUILT for metrics that a later version answers */
export function parseMetric(text: string): Metric {
  if (text === "" || text === "events") return { kind: "events" };
  if (text === "unique_users") return { kind: "unique_users" };
  const match = measured.exec(text);
  if (match?.[1] === "sum") return { kind: "sum", measure: stripPrefix(match[2]!.trim(), "measures.") };
  if (match || text === "sessions") throw notYetBuilt(`metric ${text}`);
  throw invalidField("metric", `${JSON.stringify(text)} is no metric: events, unique_users or sum(measure)`);
}

const fields = ["name", "event_type", "source", "user_id", "session_id"] as const;
const ungroupable = ["id", "timestamp", "received_time", "properties", "measures"];

/** A bare name is a built-in field first, else a property; all after `properties.` is the key. */
export function parseDimension(text: string, path: string): Dimension {
  const field = fields.find((f) => f === text);
  if (field) return { kind: "field", field };
  if (ungroupable.includes(text)) throw invalidField(path, `${text} cannot be grouped by`);
  const key = stripPrefix(text, "properties.");
  if (key === "") throw invalidField(path, "properties. needs a key, such as properties.plan");
  return { kind: "property", key };
}

/** @throws WeirError INVALID_ARGUMENT where the zone is not known */
export function parseZone(text: string): Zone {
  const zone = zoneOf(text || "UTC");
  if (!zone)
    throw invalidField("time_zone", `${JSON.stringify(text)} is no IANA time zone, such as Europe/Berlin`);
  return zone;
}

/** 0 means the default of 10. */
export function limitOf(limit: number): number {
  return limit === 0 ? 10 : limit;
}

/** 0 means the default of 100; more than 1,000 is cut to it. */
export function pageSizeOf(size: number): number {
  return size === 0 ? 100 : Math.min(size, 1000);
}

export function notYetBuilt(what: string): WeirError {
  return new WeirError(
    "UNIMPLEMENTED",
    "NOT_YET_BUILT",
    `${what} is part of the contract, but not built yet`,
  );
}

function stripPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
