import {
  chosenProject,
  type Dashboard,
  emptyWhile,
  graph,
  on,
  quantiles,
  query,
  rate,
  stat,
} from "./panels.ts";

/** The log, whichever engine it is: what is written to it, and how far it is applied, by partition. */
export const kafka: Dashboard = {
  uid: "weir-kafka",
  title: "Weir: Kafka Metrics",
  rows: [
    {
      title: "Now",
      panels: [
        stat("Records written", "ops", `sum(max by (partition) (${rate("weir_log_end_offset")}))`),
        stat("Records applied", "ops", `sum(max by (partition) (${rate("weir_log_applied_offset")}))`),
        stat("Records not yet applied", "short", `sum(max by (partition) (kafka_consumer_lag_total${on()}))`),
        stat("Partitions that a process applies", "short", `sum(weir_consumer_partitions${on()})`),
      ],
    },
    {
      title: "Lag",
      panels: [
        graph(
          "Records not yet applied, by partition",
          "short",
          query(`max by (partition) (kafka_consumer_lag_total${on()})`, "{{partition}}"),
        ),
        graph("Age of the oldest of them", "s", query(`weir_consumer_lag_seconds${on()}`, "{{instance}}")),
        graph(
          "Written and applied",
          "ops",
          query(`sum(max by (partition) (${rate("weir_log_end_offset")}))`, "written"),
          query(`sum(max by (partition) (${rate("weir_log_applied_offset")}))`, "applied"),
        ),
      ],
    },
    {
      title: "Writing",
      panels: [
        graph(
          "Records written, by partition",
          "ops",
          query(`max by (partition) (${rate("weir_log_end_offset")})`, "{{partition}}"),
        ),
        graph(
          "Bytes written",
          "Bps",
          query(`sum by (instance) (${rate("weir_log_flush_bytes_total")})`, "{{instance}}"),
        ),
        emptyWhile(
          "nothing is written",
          graph("Records in a write", "short", ...quantiles("weir_log_flush_events")),
        ),
        emptyWhile(
          "nothing is written",
          graph("Time of a write", "s", ...quantiles("weir_log_flush_duration_seconds")),
        ),
        emptyWhile(
          "nothing is written",
          graph(
            "From an append to its acknowledgement",
            "s",
            ...quantiles("weir_log_append_duration_seconds"),
          ),
        ),
        graph(
          "Records that wait to be written, of all that may",
          "percentunit",
          query(
            `max by (instance, resource) (weir_resource_used${on('resource=~"log_queue_.+"')} / weir_resource_limit${on('resource=~"log_queue_.+"')})`,
            "{{instance}} {{resource}}",
          ),
        ),
        emptyWhile(
          "no write to the log has failed",
          graph(
            "Failures of the log",
            "ops",
            query(`sum by (reason) (${rate("errors_total", 'stage="log"')})`, "{{reason}}"),
          ),
        ),
      ],
    },
    {
      title: "Applying",
      panels: [
        graph(
          "Records applied, by partition",
          "ops",
          query(`max by (partition) (${rate("weir_log_applied_offset")})`, "{{partition}}"),
        ),
        emptyWhile(
          "nothing is applied",
          graph("Records in an apply", "short", ...quantiles("weir_store_apply_events")),
        ),
        emptyWhile(
          "nothing is applied",
          graph("Time of an apply", "s", ...quantiles("weir_store_apply_duration_seconds")),
        ),
        graph(
          "Partitions of each process",
          "short",
          query(`weir_consumer_partitions${on()}`, "{{instance}}"),
        ),
        emptyWhile(
          "the log is not on Kafka, where no group shares it",
          graph(
            "Partitions given out anew",
            "short",
            query(`increase(weir_consumer_rebalances_total${on()}[$__rate_interval])`, "{{instance}}"),
          ),
        ),
        emptyWhile(
          "no record was set aside",
          graph(
            "Dead letters, by project and reason",
            "short",
            query(
              `sum by (project, reason) (weir_dead_letters_total${on(chosenProject)})`,
              "{{project}} {{reason}}",
            ),
          ),
        ),
        emptyWhile(
          "applying has not failed",
          graph(
            "Failures to apply",
            "ops",
            query(`sum by (reason) (${rate("errors_total", 'stage="consume"')})`, "{{reason}}"),
          ),
        ),
      ],
    },
  ],
};
