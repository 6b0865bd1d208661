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
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
];
const sizes = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000];

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
    "Time from receipt until queries see it, of the oldest event of each apply.",
    [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300],
  ),
} as const satisfies Record<string, MetricDefinition>;

type Observed = Record<string, readonly [name: string, help: string, labels: readonly string[]]>;

/**
 * Gauges of the parts, read at each scrape, as the first arguments of Metrics.observe:
 * `metrics.observe(...stageGauges.storedEvents, () => rows)`.
 */
export const stageGauges = {
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
  storeBytes: ["weir_store_size_bytes", "Size of the store's files.", []],
  endOffset: ["weir_log_end_offset", "Offset that the log's next record gets.", ["partition"]],
  appliedOffset: ["weir_log_applied_offset", "Offset of the next record to apply.", ["partition"]],
  partitions: ["weir_consumer_partitions", "Partitions that this process applies.", []],
  resourceUsed: ["weir_resource_used", "How much is taken of what is bounded.", ["resource"]],
  resourceLimit: ["weir_resource_limit", "How much there is of it.", ["resource"]],
  health: [
    "weir_part_health",
    "1 for a part that is healthy, 0.5 for one that is degraded, 0 for one that is unhealthy.",
    ["part"],
  ],
  diskFree: ["weir_disk_free_bytes", "Bytes free on the disk of an embedded part.", ["part"]],
  diskSize: ["weir_disk_size_bytes", "Size of that disk.", ["part"]],
  info: ["weir_info", "1, with what runs in the labels.", ["version", "roles", "log", "store"]],
} as const satisfies Observed;

/** Counters of the parts, kept by them and read at each scrape, as the first arguments of Metrics.observeTotal. */
export const stageCounters = {
  resourceRefused: ["weir_resource_refused_total", "How often there was no room.", ["resource"]],
  lostSpans: ["weir_trace_spans_lost_total", "Spans that the collector did not take.", []],
  rebalances: ["weir_consumer_rebalances_total", "How often the group gave out its partitions anew.", []],
  threadActive: [
    "weir_thread_active_seconds_total",
    "How long a JavaScript thread has been busy.",
    ["thread"],
  ],
} as const satisfies Observed;
