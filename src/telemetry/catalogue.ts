/**
 * Every metric of the platform's own, declared once. docs/METRICS.md lists the same, and a test keeps the two in step.
 * Durations are in seconds, sizes in bytes.
 */

export interface MetricDefinition {
  readonly type: "counter" | "gauge" | "histogram";
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets, rising. */
  readonly buckets?: readonly number[];
}

const short = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
];
const sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000];

const counter = (help: string, ...labels: string[]): MetricDefinition => ({ type: "counter", help, labels });
const gauge = (help: string, ...labels: string[]): MetricDefinition => ({ type: "gauge", help, labels });
const histogram = (help: string, buckets: readonly number[], ...labels: string[]): MetricDefinition => ({
  type: "histogram",
  help,
  labels,
  buckets,
});

/** Metrics that createMetrics registers, by name. */
export const catalogue = {
  events_processed_total: counter("Events that passed a stage, by result.", "project", "stage", "result"),
  errors_total: counter("Errors by the stage they arose in and their reason.", "project", "stage", "reason"),
  event_processing_duration_seconds: histogram(
    "Time that a stage took for one request or block.",
    short,
    "stage",
  ),
  service_uptime_seconds: gauge("How long this process has run."),
  weir_duplicates_total: counter("Events recognised as copies of an earlier one.", "project"),
  weir_dead_letters_total: counter("Records that became dead letters, by reason.", "project", "reason"),
  weir_rate_limited_total: counter("Requests refused by a rate limit.", "project"),
  weir_rpc_duration_seconds: histogram(
    "Time from a call's arrival to the end of its answer.",
    short,
    "method",
    "protocol",
    "code",
  ),
  weir_rpcs_in_flight: gauge("Calls under way."),
  weir_batch_events: histogram("Events in one ingest request.", sizes),
  weir_log_append_duration_seconds: histogram(
    "Time from an append to its acknowledgement by the log.",
    short,
  ),
  weir_log_flush_duration_seconds: histogram("Time that one durable write of the log took.", short),
  weir_log_flush_events: histogram("Records in one durable write of the log.", sizes),
  weir_log_flush_bytes_total: counter("Bytes of records written durably to the log."),
  weir_store_apply_duration_seconds: histogram(
    "Time that one apply to the store took, commit included.",
    short,
  ),
  weir_store_apply_events: histogram("Records in one apply to the store.", sizes),
  weir_visibility_delay_seconds: histogram(
    "Time from an event's receipt until queries see it.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  ),
} as const satisfies Record<string, MetricDefinition>;

/**
 * Gauges of the stages, read at each scrape, as the first arguments of Metrics.observe:
 * `metrics.observe(...stageGauges.queueEvents, () => depth)`.
 */
export const stageGauges = {
  queueEvents: ["weir_queue_events", "Records that wait to be written to the log.", []],
  queueBytes: ["weir_queue_bytes", "Bytes of records that wait to be written to the log.", []],
  lagEvents: [
    "kafka_consumer_lag_total",
    "Records on the log that are not yet applied to the store, whichever log engine runs.",
    ["partition"],
  ],
  lagSeconds: [
    "weir_consumer_lag_seconds",
    "How long the oldest record not yet applied has waited; 0 without one.",
    [],
  ],
  storedEvents: ["weir_store_events", "Events in the store.", []],
} as const satisfies Record<string, readonly [name: string, help: string, labels: readonly string[]]>;
