import { ExportResultCode } from "@opentelemetry/core";
import type { ReadableSpan, SpanExporter } from "@opentelemetry/sdk-trace";
import type { Logger } from "../logger.ts";

/** Least time between two lines about a collector that does not take spans, in milliseconds. */
const tellEveryMs = 60_000;

/** The exporter, with its failures in the log: the first at once, then how many spans were lost since. */
export function tellingFailures(exporter: SpanExporter, logger: Logger): SpanExporter {
  let lost = 0;
  let toldAt = Number.NEGATIVE_INFINITY;

  function tell(spans: readonly ReadableSpan[], error: Error | undefined): void {
    lost += spans.length;
    if (performance.now() - toldAt < tellEveryMs) return;
    logger.warn({ err: error, lostSpans: lost }, "the collector did not take spans, which are lost");
    toldAt = performance.now();
    lost = 0;
  }

  return {
    export(spans, done) {
      exporter.export(spans, (result) => {
        if (result.code === ExportResultCode.FAILED) tell(spans, result.error);
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  };
}
