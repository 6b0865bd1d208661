import {
  chosenProject,
  type Dashboard,
  emptyWhile,
  graph,
  on,
  quantile,
  quantiles,
  query,
  rate,
  stat,
} from "./panels.ts";

const taken = 'stage="ingest", result=~"accepted|queued"';
const questions = 'method=~"analytics.v1.AnalyticsService/.+"';

/** What comes in, how soon it is seen, and what is asked. */
export const realTime: Dashboard = {
  uid: "weir-real-time",
  title: "Weir: Real-Time Analytics",
  rows: [
    {
      title: "Now",
      panels: [
        emptyWhile(
          "no event has come",
          stat("Events received", "ops", `sum(${rate("events_processed_total", taken, chosenProject)})`),
        ),
        stat("Events stored", "short", `max(weir_store_events${on()})`),
        stat("Records not yet applied", "short", `sum(max by (partition) (kafka_consumer_lag_total${on()}))`),
        emptyWhile(
          "nothing is applied",
          stat("Seen by queries after (p99)", "s", quantile(0.99, "weir_visibility_delay_seconds"), [
            "green",
            [10, "orange"],
          ]),
        ),
      ],
    },
    {
      title: "Events",
      panels: [
        emptyWhile(
          "no event has come",
          graph(
            "Received, by what became of them",
            "ops",
            query(
              `sum by (result) (${rate("events_processed_total", 'stage="ingest"', chosenProject)})`,
              "{{result}}",
            ),
          ),
        ),
        emptyWhile(
          "no event has come",
          graph(
            "Received, by project",
            "ops",
            query(
              `sum by (project) (${rate("events_processed_total", taken, chosenProject)})`,
              "{{project}}",
            ),
          ),
        ),
        emptyWhile(
          "nothing was applied",
          graph(
            "Applied to the store",
            "ops",
            query(
              `sum by (result) (${rate("events_processed_total", 'stage="consume"', chosenProject)})`,
              "{{result}}",
            ),
          ),
        ),
        emptyWhile(
          "no event has come twice",
          graph(
            "Copies of earlier events, by project",
            "ops",
            query(`sum by (project) (${rate("weir_duplicates_total", chosenProject)})`, "{{project}}"),
          ),
        ),
        emptyWhile(
          "no events come",
          graph("Events in a request", "short", ...quantiles("weir_batch_events")),
        ),
        graph("Events in the store", "short", query(`max(weir_store_events${on()})`)),
      ],
    },
    {
      title: "Delay",
      panels: [
        emptyWhile(
          "nothing is applied",
          graph("From receipt until queries see it", "s", ...quantiles("weir_visibility_delay_seconds")),
        ),
        graph(
          "Age of the oldest record not yet applied",
          "s",
          query(`max by (instance) (weir_consumer_lag_seconds${on()})`, "{{instance}}"),
        ),
        emptyWhile(
          "no events come and nothing is asked",
          graph(
            "Time in each stage (p99)",
            "s",
            query(quantile(0.99, "event_processing_duration_seconds", ["stage"]), "{{stage}}"),
          ),
        ),
      ],
    },
    {
      title: "Questions",
      panels: [
        emptyWhile(
          "nothing was asked",
          graph(
            "Asked, by method",
            "ops",
            query(`sum by (method) (${rate("weir_rpc_duration_seconds_count", questions)})`, "{{method}}"),
          ),
        ),
        emptyWhile(
          "nothing is asked",
          graph("Time of an answer", "s", ...quantiles("event_processing_duration_seconds", 'stage="query"')),
        ),
        graph(
          "Questions, exports and live streams under way",
          "short",
          query(
            `sum by (resource) (weir_resource_used${on('resource=~"questions|questions_waiting|exports|live_streams"')})`,
            "{{resource}}",
          ),
        ),
      ],
    },
  ],
};
