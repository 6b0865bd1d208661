/** The terms of a question that come as text: metrics, dimensions, limits. */
import type { Duration } from "@bufbuild/protobuf/wkt";
import { invalidField } from "../domain/errors.ts";
import { type Zone, zoneOf } from "../domain/zone.ts";
import type { Dimension, Metric } from "../store/questions.ts";

const measured = /^(sum|avg|min|max|p50|p90|p95|p99)\(([\s\S]+)\)$/;
/** The gap of sessions where the question gives none, in microseconds. */
const defaultGapUs = 30 * 60e6;

/** @throws WeirError INVALID_ARGUMENT where it is no metric, or of no measure */
export function parseMetric(text: string, gapUs: number): Metric {
  if (text === "" || text === "events") return { kind: "events" };
  if (text === "unique_users") return { kind: "unique_users" };
  if (text === "sessions") return { kind: "sessions", gapUs };
  const match = measured.exec(text);
  if (match === null) {
    const known = "events, unique_users, sessions, or one of a measure such as sum(amount) or p95(duration)";
    throw invalidField("metric", `${JSON.stringify(text)} is no metric: ${known}`);
  }
  const measure = stripPrefix(match[2]!.trim(), "measures.");
  if (measure === "") throw invalidField("metric", `${text} names no measure, as sum(amount) does`);
  if (measure.startsWith("properties.")) {
    throw invalidField(
      "metric",
      `${text} is of a property, and only measures are numbers, as in sum(amount)`,
    );
  }
  const of = match[1]!;
  if (of.startsWith("p")) return { kind: "quantile", p: Number(of.slice(1)) / 100, measure };
  return { kind: of as "sum" | "avg" | "min" | "max", measure };
}

/** As a question would spell it. */
export function metricText(metric: Metric): string {
  if (metric.kind === "quantile") return `p${Math.round(metric.p * 100)}(${metric.measure})`;
  return "measure" in metric ? `${metric.kind}(${metric.measure})` : metric.kind;
}

/** Absent: 30 minutes. In microseconds. */
export function sessionGapUs(gap: Duration | undefined): number {
  return gap === undefined ? defaultGapUs : durationUs(gap);
}

/** In whole microseconds; finer digits are cut. */
export function durationUs({ seconds, nanos }: Duration): number {
  return Number(seconds) * 1_000_000 + Math.floor(nanos / 1000);
}

const fields = ["name", "event_type", "source", "user_id", "session_id"] as const;
const ungroupable = ["id", "timestamp", "received_time", "properties", "measures"];

/**
 * A bare name is a built-in field first, else a property; all after `properties.` is the key.
 *
 * @throws WeirError INVALID_ARGUMENT where it is no dimension
 */
export function parseDimension(text: string, path: string): Dimension {
  const field = fields.find((f) => f === text);
  if (field) return { kind: "field", field };
  if (ungroupable.includes(text)) throw invalidField(path, `${text} cannot be grouped by`);
  if (text.startsWith("measures.")) {
    const property = `properties.${stripPrefix(text, "measures.")}`;
    const hint = `a number of a flat event is a property too, ${property}`;
    throw invalidField(path, `${text} cannot be grouped by: dimensions are properties; ${hint}`);
  }
  const key = stripPrefix(text, "properties.");
  if (key === "") throw invalidField(path, "properties. needs a key, such as properties.plan");
  return { kind: "property", key };
}

/** Dimensions to group by together; each only once, however it is spelled. */
export function parseDimensions(texts: readonly string[]): Dimension[] {
  const dimensions = texts.map((text, i) => parseDimension(text, `group_by[${i}]`));
  const [first, second] = dimensions.map((dimension) => JSON.stringify(dimension));
  if (first !== undefined && first === second) {
    throw invalidField("group_by[1]", `${texts[1]} is the dimension of group_by[0] again`);
  }
  return dimensions;
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

function stripPrefix(text: string, prefix: string): string {
  return text.startsWith(prefix) ? text.slice(prefix.length) : text;
}
