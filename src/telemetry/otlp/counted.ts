import { ExportResultCode } from "@opentelemetry/core";
import type { SpanExporter, SpanProcessor } from "@opentelemetry/sdk-trace";
import type { Losses } from "./losses.ts";

export interface CountedOptions {
  readonly exporter: SpanExporter;
  /** What batches the spans for the exporter that it is given, which tells of those it drops itself to nobody. */
  readonly batches: (exporter: SpanExporter) => SpanProcessor;
  /** Spans that may wait for the exporter; beyond them new ones are lost. */
  readonly maxWaiting: number;
  readonly losses: Losses;
}

export interface CountedSpans {
  readonly processor: SpanProcessor;
  /** Counts what the collector has not taken yet as lost. */
  giveUp(): void;
}

/** Spans on their way to the collector, each of which it takes or losses has. */
export function countSpans({ exporter, batches, maxWaiting, losses }: CountedOptions): CountedSpans {
  let waiting = 0;
  /** Given to the exporter, and not answered. */
  let sent = 0;
  let open = true;
  const batch = batches({
    export(spans, done) {
      waiting -= spans.length;
      sent += spans.length;
      exporter.export(spans, (result) => {
        if (open) {
          sent -= spans.length;
          if (result.code === ExportResultCode.FAILED) losses.add(spans.length, result.error);
        }
        done(result);
      });
    },
    forceFlush: () => exporter.forceFlush?.() ?? Promise.resolve(),
    shutdown: () => exporter.shutdown(),
  });
  return {
    processor: {
      onStart: (span, context) => batch.onStart(span, context),
      onEnd(span) {
        if (!open || waiting >= maxWaiting) return losses.add(1);
        waiting++;
        batch.onEnd(span);
      },
      forceFlush: () => batch.forceFlush(),
      shutdown: () => batch.shutdown(),
    },
    giveUp() {
      open = false;
      if (waiting + sent > 0) losses.add(waiting + sent);
    },
  };
}
