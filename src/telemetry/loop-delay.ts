import { type ELDHistogram, monitorEventLoopDelay, performance } from "node:perf_hooks";
import type { Metrics } from "./metrics.ts";

/** Time between two looks at the event loop, in milliseconds; a delay is the whole time between two. */
const resolution = 20;
/** In milliseconds: as long as a reader of the metrics may reasonably wait between two readings. */
const windowMs = 60_000;

const reading = "nodejs_eventloop_lag_seconds";

const windowed: Readonly<Record<string, readonly [help: string, value: (h: ELDHistogram) => number]>> = {
  nodejs_eventloop_lag_min_seconds: ["Least delay of the event loop.", (h) => h.min],
  nodejs_eventloop_lag_max_seconds: ["Greatest delay of the event loop.", (h) => h.max],
  nodejs_eventloop_lag_mean_seconds: ["Mean delay of the event loop.", (h) => h.mean],
  nodejs_eventloop_lag_stddev_seconds: ["Standard deviation of the event loop's delay.", (h) => h.stddev],
  nodejs_eventloop_lag_p50_seconds: ["Median delay of the event loop.", (h) => h.percentile(50)],
  nodejs_eventloop_lag_p90_seconds: ["90th percentile of the event loop's delay.", (h) => h.percentile(90)],
  nodejs_eventloop_lag_p99_seconds: ["99th percentile of the event loop's delay.", (h) => h.percentile(99)],
};

/** They are prom-client's names, whose own values are since the reading before: each reader took them from the others. */
export const loopDelays = [reading, ...Object.keys(windowed)];

/**
 * Registers the delays of the event loop over the last 60 to 120 seconds, whoever reads them how often; 0 until the
 * first was measured. And that of the reading before.
 */
export function observeLoopDelay(observe: Metrics["observe"]): void {
  let last = 0;
  observe(reading, "Delay of the event loop at the reading before this one.", [], () => {
    const startMs = performance.now();
    setImmediate(() => {
      last = (performance.now() - startMs) / 1000;
    });
    return last;
  });
  const begin = () => {
    const histogram = monitorEventLoopDelay({ resolution });
    histogram.enable();
    return histogram;
  };
  // The one that is read reaches back a window further than the one that is to follow it.
  let [read, next] = [begin(), begin()];
  let turnedAt = performance.now();
  const current = () => {
    if (performance.now() - turnedAt >= windowMs) {
      [read, next] = [next, read];
      next.reset();
      turnedAt = performance.now();
    }
    return read;
  };
  for (const [name, [help, value]] of Object.entries(windowed)) {
    observe(name, `${help.slice(0, -1)} in the last minute or two.`, [], () => {
      const histogram = current();
      return histogram.count === 0 ? 0 : value(histogram) / 1e9;
    });
  }
}
