import { stageGauges } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";

/** What the gauges of the stages read, at each scrape. */
export interface ObservedStages {
  /** What waits to be written to the log. */
  readonly queue: () => { readonly events: number; readonly bytes: number };
  /** The log's end, by partition. */
  readonly ends: () => readonly number[];
  /** What is applied to the store, by partition. */
  readonly positions: () => readonly number[];
  /** How long the oldest record not yet applied has waited. */
  readonly pendingSeconds: () => number;
  readonly storedEvents: () => number;
}

/** Registers the gauges of the stages. */
export function observeStages(metrics: Metrics, stages: ObservedStages): void {
  metrics.observe(...stageGauges.queueEvents, () => stages.queue().events);
  metrics.observe(...stageGauges.queueBytes, () => stages.queue().bytes);
  metrics.observe(...stageGauges.lagSeconds, stages.pendingSeconds);
  metrics.observe(...stageGauges.storedEvents, stages.storedEvents);
  metrics.observe(...stageGauges.lagEvents, () => {
    const positions = stages.positions();
    return stages
      .ends()
      .map((end, partition) => ({ labels: { partition }, value: end - (positions[partition] ?? 0) }));
  });
}
