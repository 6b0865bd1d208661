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
import { noEndlessStream, noStream } from "./streams.ts";

const calls = 'protocol!="page"';
const ended = `sum(${rate("weir_rpc_duration_seconds_count", calls)})`;
/** For the server's sake and not for the caller's: of a stream without an end a deadline only says how long its caller wanted it. */
const failed = `sum(${[
  ['code=~"INTERNAL|UNAVAILABLE|UNKNOWN|DATA_LOSS"'],
  ['code="DEADLINE_EXCEEDED"', noEndlessStream],
]
  .map((failures) => rate("weir_rpc_duration_seconds_count", calls, ...failures))
  .join(" or ")})`;
/** Those of the chosen processes, and those that tell of no one process, as of lag. */
const firing = `{job="weir", role=~"|$role", instance=~"|$instance", alertstate="firing", alertname=~"Weir.+"}`;

/** Rate, errors and duration of calls; use, saturation and errors of what there is only so much of. */
export const serviceHealth: Dashboard = {
  uid: "weir-service-health",
  title: "Weir: Service Health",
  rows: [
    {
      title: "Processes",
      panels: [
        stat("Processes that answer", "short", `sum(up${on()})`, ["red", [1, "green"]]),
        stat("Least health of a part", "percentunit", `min(weir_part_health${on()})`, [
          "red",
          [0.5, "orange"],
          [1, "green"],
        ]),
        emptyWhile("no call has ended", stat("Calls", "ops", ended)),
        emptyWhile(
          "no calls end",
          // Without a failure there is no series of one: none is 0 of those that ended.
          stat("Calls that fail, of all", "percentunit", `(${failed} or 0 * ${ended}) / ${ended} >= 0`, [
            "green",
            [0.05, "red"],
          ]),
        ),
        graph(
          "Health of parts: 1 healthy, 0.5 degraded, 0 unhealthy",
          "short",
          query(`min by (instance, part) (weir_part_health${on()})`, "{{instance}} {{part}}"),
        ),
        graph(
          "Uptime",
          "s",
          query(
            `service_uptime_seconds${on()} * on (instance) group_left (version, roles) weir_info${on()}`,
            "{{instance}} {{roles}} {{version}}",
          ),
        ),
        emptyWhile(
          "no alert fires",
          graph("Alerts", "short", query(`count by (alertname) (ALERTS${firing})`, "{{alertname}}")),
        ),
      ],
    },
    {
      title: "Calls",
      panels: [
        graph(
          "By protocol",
          "ops",
          query(`sum by (protocol) (${rate("weir_rpc_duration_seconds_count")})`, "{{protocol}}"),
        ),
        emptyWhile(
          "no call has ended",
          graph(
            "By method, the ten most frequent",
            "ops",
            query(
              `topk(10, sum by (method) (${rate("weir_rpc_duration_seconds_count", calls)}))`,
              "{{method}}",
            ),
          ),
        ),
        emptyWhile(
          "no call has failed",
          graph(
            "Failed, by code",
            "ops",
            query(
              `sum by (code) (${rate("weir_rpc_duration_seconds_count", calls, 'code!="OK"')})`,
              "{{code}}",
            ),
          ),
        ),
        emptyWhile(
          "no calls end",
          graph(
            "Duration, streams left out",
            "s",
            ...quantiles("weir_rpc_duration_seconds", calls, noStream),
          ),
        ),
        emptyWhile(
          "no calls end",
          graph(
            "Duration by method (p99), the ten slowest, streams left out",
            "s",
            query(
              `topk(10, ${quantile(0.99, "weir_rpc_duration_seconds", ["method"], calls, noStream)})`,
              "{{method}}",
            ),
          ),
        ),
        emptyWhile(
          "there was no error",
          graph(
            "Errors by stage and reason",
            "ops",
            query(`sum by (stage, reason) (${rate("errors_total", chosenProject)})`, "{{stage}} {{reason}}"),
          ),
        ),
        graph("Under way", "short", query(`sum by (instance) (weir_rpcs_in_flight${on()})`, "{{instance}}")),
        emptyWhile(
          "no rate limit has refused a call",
          graph(
            "Refused by a rate limit, by project",
            "ops",
            query(`sum by (project) (${rate("weir_rate_limited_total", chosenProject)})`, "{{project}}"),
          ),
        ),
      ],
    },
    {
      title: "Room",
      panels: [
        graph(
          "Taken of what is bounded",
          "percentunit",
          query(
            `max by (instance, resource) (weir_resource_used${on()} / weir_resource_limit${on()})`,
            "{{instance}} {{resource}}",
          ),
        ),
        graph(
          "Refused for lack of room",
          "ops",
          query(`sum by (resource) (${rate("weir_resource_refused_total")})`, "{{resource}}"),
        ),
        emptyWhile(
          "neither the log nor the store is embedded",
          graph(
            "Free of embedded parts' disks",
            "percentunit",
            query(`weir_disk_free_bytes${on()} / weir_disk_size_bytes${on()}`, "{{instance}} {{part}}"),
          ),
        ),
        emptyWhile(
          "the store is not embedded",
          graph("Size of the store's files", "bytes", query(`weir_store_size_bytes${on()}`, "{{instance}}")),
        ),
      ],
    },
    {
      title: "Node.js",
      panels: [
        graph(
          "Busy threads, in cores",
          "short",
          query(`${rate("weir_thread_active_seconds_total")}`, "{{instance}} {{thread}}"),
        ),
        graph(
          "CPU, in cores",
          "short",
          query(`${rate("process_cpu_user_seconds_total")}`, "{{instance}} user"),
          query(`${rate("process_cpu_system_seconds_total")}`, "{{instance}} kernel"),
        ),
        graph(
          "Delay of the event loop",
          "s",
          query(`nodejs_eventloop_lag_p99_seconds${on()}`, "{{instance}} p99"),
          query(`nodejs_eventloop_lag_max_seconds${on()}`, "{{instance}} greatest"),
        ),
        graph(
          "Memory",
          "bytes",
          query(`process_resident_memory_bytes${on()}`, "{{instance}} all"),
          query(`nodejs_heap_size_used_bytes${on()}`, "{{instance}} heap of the main thread"),
        ),
        graph(
          "Garbage collection, in cores",
          "short",
          query(
            `sum by (instance, kind) (${rate("nodejs_gc_duration_seconds_sum")})`,
            "{{instance}} {{kind}}",
          ),
        ),
        graph(
          "Open file descriptors, of all",
          "percentunit",
          query(`process_open_fds${on()} / process_max_fds${on()}`, "{{instance}}"),
        ),
      ],
    },
  ],
};
