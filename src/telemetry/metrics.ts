import { collectDefaultMetrics, Registry } from "prom-client";
import { createLabelBound } from "./bound.ts";
import { catalogue } from "./catalogue.ts";
import { createCounters, createHistograms } from "./families.ts";
import { createLifetimeLatency, type Quantiles } from "./latency.ts";
import { loopDelays, observeLoopDelay } from "./loop-delay.ts";
import { type Read, registerObserved } from "./observed.ts";
import { createRate } from "./rate.ts";

export { stageCounters, stageGauges } from "./catalogue.ts";

export type EventStage = "ingest" | "consume";
export type EventResult =
  | "accepted"
  | "duplicate"
  | "queued"
  | "rejected"
  | "quarantined"
  | "applied"
  | "dead_letter";

/**
 * What the stages count and measure: one call for each request, write or block, not for each event. `project` is ""
 * where none is known, as before authentication. Seconds are fractional.
 */
export interface Metrics {
  events(project: string, stage: EventStage, result: EventResult, count: number): void;
  duplicates(project: string, count: number): void;
  deadLetters(project: string, reason: string, count: number): void;
  rateLimited(project: string): void;
  /** `stage`: the folder it arose in, such as ingest or transport; `reason`: one of domain/errors.ts. */
  error(project: string, stage: string, reason: string, count?: number): void;
  processing(stage: "ingest" | "consume" | "query", seconds: number): void;
  /**
   * One ended call. `method`: package.Service/Method, a page's path or none; `code`: OK or an ErrorCode. A stream's time
   * (`stream` true) is not among the requests of requestQuantiles, since it lasts as long as its caller likes.
   */
  rpc(method: string, protocol: string, code: string, seconds: number, stream?: boolean): void;
  rpcStarted(): void;
  rpcEnded(): void;
  /** Number of events in one ingest request. */
  batch(size: number): void;
  /** One append, from the call to its acknowledgement. */
  append(seconds: number): void;
  /** One durable write of the log. */
  flush(events: number, bytes: number, seconds: number): void;
  /** One apply to the store, commit included. */
  apply(events: number, seconds: number): void;
  /** From an event's receipt until queries see it. */
  visibilityDelay(seconds: number): void;
  /**
   * Registers a gauge that is read at each scrape; stageGauges names those that the documents list. Where `read`
   * throws, the gauge has no value at that scrape and errors_total counts it under stage telemetry.
   *
   * @throws Error when the name is taken
   */
  observe(name: string, help: string, labels: readonly string[], read: Read): void;
  /** As observe, for a counter that a part keeps itself; stageCounters names those that the documents list. */
  observeTotal(name: string, help: string, labels: readonly string[], read: Read): void;
  /** Events applied to the store in a second, over the last 60 seconds. */
  appliedPerSecond(): number;
  /** Durations of all calls but streams, in seconds; undefined before the first. */
  requestQuantiles(): Quantiles | undefined;
  /** Everything in Prometheus's text format, version 0.0.4. */
  text(): Promise<string>;
  readonly registry: Registry;
}

export interface MetricsOptions {
  /** When the process started, in milliseconds of `now`. */
  readonly startedAtMs: number;
  /** Milliseconds of a clock that is never set. */
  readonly now: () => number;
  /** Projects that have label values of their own; the rest count under `otherProjects`. Default 100. */
  readonly maxProjects?: number;
}

/** Label value of all projects beyond the bound. No project id has a space. */
export const otherProjects = "other projects";

/** Value of any other label beyond its bound. */
const other = "other";

/** What `promtool check metrics` refuses of the default metrics: gauges that are named like counters. */
const refusedDefaults = [
  "nodejs_active_handles_total",
  "nodejs_active_requests_total",
  "nodejs_active_resources_total",
];

export function createMetrics({ startedAtMs, now, maxProjects = 100 }: MetricsOptions): Metrics {
  const registry = new Registry();
  // Nobody reads its monitor of the event loop, which therefore looks seldom.
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 1000 });
  for (const name of [...refusedDefaults, ...loopDelays]) registry.removeSingleMetric(name);

  const project = createLabelBound(maxProjects, otherProjects);
  const bounds = {
    project: (value: string) => (value === "" ? value : project(value)),
    stage: createLabelBound(20, other),
    result: createLabelBound(20, other),
    reason: createLabelBound(100, other),
    method: createLabelBound(200, other),
    protocol: createLabelBound(10, other),
    code: createLabelBound(30, other),
  };
  const counter = (name: keyof typeof catalogue) => createCounters(registry, name, catalogue[name], bounds);
  const histogram = (name: keyof typeof catalogue) =>
    createHistograms(registry, name, catalogue[name], bounds);

  const events = counter("events_processed_total");
  const errors = counter("errors_total");
  const duplicates = counter("weir_duplicates_total");
  const deadLetters = counter("weir_dead_letters_total");
  const rateLimited = counter("weir_rate_limited_total");
  const flushBytes = counter("weir_log_flush_bytes_total");
  const processing = histogram("event_processing_duration_seconds");
  const rpc = histogram("weir_rpc_duration_seconds");
  const batch = histogram("weir_batch_events");
  const append = histogram("weir_log_append_duration_seconds");
  const flushSeconds = histogram("weir_log_flush_duration_seconds");
  const flushEvents = histogram("weir_log_flush_events");
  const applySeconds = histogram("weir_store_apply_duration_seconds");
  const applyEvents = histogram("weir_store_apply_events");
  const visibility = histogram("weir_visibility_delay_seconds");
  const applied = createRate({ now });
  const requests = createLifetimeLatency();
  let inFlight = 0;
  const to = { registry, onFailure: () => metrics.error("", "telemetry", "INTERNAL") };

  const metrics: Metrics = {
    events(p, stage, result, count) {
      events(count, p, stage, result);
      if (result === "applied") applied.add(count);
    },
    duplicates: (p, count) => duplicates(count, p),
    deadLetters: (p, reason, count) => deadLetters(count, p, reason),
    rateLimited: (p) => rateLimited(1, p),
    error: (p, stage, reason, count = 1) => errors(count, p, stage, reason),
    processing: (stage, seconds) => processing(seconds, stage),
    rpc(method, protocol, code, seconds, stream = false) {
      rpc(seconds, method, protocol, code);
      if (!stream) requests.add(seconds);
    },
    rpcStarted() {
      inFlight++;
    },
    rpcEnded() {
      inFlight--;
    },
    batch: (size) => batch(size),
    append: (seconds) => append(seconds),
    flush(count, bytes, seconds) {
      flushSeconds(seconds);
      flushEvents(count);
      flushBytes(bytes);
    },
    apply(count, seconds) {
      applySeconds(seconds);
      applyEvents(count);
    },
    visibilityDelay: (seconds) => visibility(seconds),
    observe: (name, help, labels, read) =>
      registerObserved({ kind: "gauge", name, help, labels, read, ...to }),
    observeTotal: (name, help, labels, read) =>
      registerObserved({ kind: "counter", name, help, labels, read, ...to }),
    appliedPerSecond: () => applied.perSecond(),
    requestQuantiles: () => requests.quantiles(),
    text: () => registry.metrics(),
    registry,
  };

  const gauge = (name: "service_uptime_seconds" | "weir_rpcs_in_flight", read: () => number) =>
    metrics.observe(name, catalogue[name].help, [], read);
  gauge("service_uptime_seconds", () => Math.max(0, now() - startedAtMs) / 1000);
  gauge("weir_rpcs_in_flight", () => inFlight);
  observeLoopDelay(metrics.observe);
  return metrics;
}
