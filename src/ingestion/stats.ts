import { createLatency } from "../telemetry/latency.ts";
import { createRate } from "../telemetry/rate.ts";
import type { Verdict } from "./admission.ts";

/** Figures of the way in since the process started, for GetProducerStats and /stats. */
export interface IngestionStats {
  answered(counts: Readonly<Record<Verdict, number>>, rejected: number, seconds: number): void;
  failed(reason: string, count: number): void;
  read(): {
    readonly accepted: number;
    readonly duplicate: number;
    readonly queued: number;
    readonly rejected: number;
    readonly eventsPerSecond: number;
    /** Seconds; undefined where nothing was answered in the last 60 seconds. */
    readonly latency: { readonly p50: number; readonly p95: number; readonly p99: number } | undefined;
    readonly errors: ReadonlyMap<string, number>;
  };
}

/** `now`: milliseconds of a clock that is never set */
export function createIngestionStats(now: () => number): IngestionStats {
  const totals = { accepted: 0, duplicate: 0, queued: 0, rejected: 0 };
  const errors = new Map<string, number>();
  const rate = createRate({ now });
  const latency = createLatency({ now });
  return {
    answered(counts, rejected, seconds) {
      totals.accepted += counts.accepted;
      totals.duplicate += counts.duplicate;
      totals.queued += counts.queued;
      totals.rejected += rejected;
      rate.add(counts.accepted + counts.duplicate + counts.queued);
      latency.add(seconds);
    },
    failed(reason, count) {
      errors.set(reason, (errors.get(reason) ?? 0) + count);
    },
    read: () => ({ ...totals, eventsPerSecond: rate.perSecond(), latency: latency.quantiles(), errors }),
  };
}
