import { stageGauges } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";

/** What the gauges of the stages read, at each scrape. What does not run in this process is left out. */
export interface ObservedStages {
  /** What waits to be written to the log. */
  readonly queue?: () => { readonly events: number; readonly bytes: number };
  /** The log's end and what is applied to the store, by partition. */
  readonly lag?: { readonly ends: () => readonly number[]; readonly positions: () => readonly number[] };
  /** How long the oldest record not yet applied has waited. */
  readonly pendingSeconds?: () => number;
  readonly storedEvents?: () => number;
}

/** Registers the gauges of the stages. */
export function observeStages(metrics: Metrics, stages: ObservedStages): void {
  const { queue, lag, pendingSeconds, storedEvents } = stages;
  if (queue) {
    metrics.observe(...stageGauges.queueEvents, () => queue().events);
    metrics.observe(...stageGauges.queueBytes, () => queue().bytes);
  }
  if (pendingSeconds) metrics.observe(...stageGauges.lagSeconds, pendingSeconds);
  if (storedEvents) metrics.observe(...stageGauges.storedEvents, storedEvents);
  if (lag) {
    metrics.observe(...stageGauges.lagEvents, () => {
      const positions = lag.positions();
      return lag.ends().map((end, partition) => ({
        labels: { partition },
        // What another process has applied may be known before the end that it stood at.
        value: Math.max(0, end - (positions[partition] ?? 0)),
      }));
    });
  }
}
