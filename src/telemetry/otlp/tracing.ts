/** Tracing by OpenTelemetry: spans go to a collector over OTLP/HTTP in batches. */
import {
  type Attributes,
  type Context,
  createTraceState,
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  TraceFlags,
  trace,
} from "@opentelemetry/api";
import { parseTraceParent } from "@opentelemetry/core";
import { OTLPTraceExporter } from "@opentelemetry/exporter-trace-otlp-proto";
import { resourceFromAttributes } from "@opentelemetry/resources";
import {
  BatchSpanProcessor,
  ParentBasedSampler,
  TraceIdRatioBasedSampler,
  TracerProvider,
} from "@opentelemetry/sdk-trace";
import { pause } from "../../domain/pause.ts";
import type { Logger } from "../logger.ts";
import type { Span, SpanStart, Tracing } from "../tracing.ts";
import { countSpans } from "./counted.ts";
import { createLosses } from "./losses.ts";

export interface OtlpOptions {
  /** Of the collector, such as http://127.0.0.1:4318; /v1/traces is put behind it. */
  readonly endpoint: string;
  /** Sent with each batch, such as a key of the collector. */
  readonly headers: Readonly<Record<string, string>>;
  /** Part of the traces that begin here that is recorded, from 0 to 1; of others' the caller's word counts. */
  readonly ratio: number;
  /** What the spans' resource says of this process. */
  readonly resource: Readonly<Record<string, string>>;
  readonly logger: Logger;
}

const kinds = {
  server: SpanKind.SERVER,
  internal: SpanKind.INTERNAL,
  client: SpanKind.CLIENT,
  producer: SpanKind.PRODUCER,
  consumer: SpanKind.CONSUMER,
};

/** Spans that wait for the collector; beyond them new ones are dropped. */
const maxQueueSize = 8192;
/** Longest time of one request to the collector, in milliseconds. */
const exportTimeoutMillis = 3000;
/** Longest time of all that are left at the end. */
const closeTimeoutMs = 3000;
const scheduledDelayMillis = 1000;
/** Longest attribute; a name or reason is shorter. */
const attributeValueLengthLimit = 256;

export function createOtlpTracing({ endpoint, headers, ratio, resource, logger }: OtlpOptions): Tracing {
  const url = `${endpoint.replace(/\/+$/, "")}/v1/traces`;
  const losses = createLosses(url, logger);
  const { processor, giveUp } = countSpans({
    exporter: new OTLPTraceExporter({
      url,
      headers: { ...headers },
      timeoutMillis: exportTimeoutMillis,
    }),
    batches: (exporter) =>
      new BatchSpanProcessor({ exporter, maxQueueSize, scheduledDelayMillis, exportTimeoutMillis }),
    maxWaiting: maxQueueSize,
    losses,
  });
  const provider = new TracerProvider({
    resource: resourceFromAttributes(resource),
    sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(ratio) }),
    spanLimits: { attributeValueLengthLimit },
    spanProcessors: [processor],
  });
  const tracer = provider.getTracer("weir");

  return {
    begin(name, { kind, parent, state, attributes, startMs }) {
      const span = tracer.startSpan(
        name,
        {
          kind: kinds[kind],
          ...(attributes ? { attributes: attributes as Attributes } : {}),
          ...(startMs === undefined ? {} : { startTime: startMs }),
        },
        contextOf(parent, state),
      );
      if (!span.isRecording()) return undefined;
      const { traceId, spanId } = span.spanContext();
      return {
        traceId,
        traceparent: `00-${traceId}-${spanId}-01`,
        end(failure, ending) {
          if (ending !== undefined) span.setAttributes(ending as Attributes);
          if (failure !== undefined) {
            span.setAttribute("error.type", failure);
            span.setStatus({ code: SpanStatusCode.ERROR, message: failure });
          }
          span.end();
        },
      } satisfies Span;
    },
    async close() {
      // A collector that does not answer must not keep the process.
      const sent = new AbortController();
      const shutdown = provider.shutdown().catch(() => {});
      await Promise.race([shutdown, pause(closeTimeoutMs, sent.signal)]);
      sent.abort();
      giveUp();
      losses.close();
    },
    lost: losses.total,
  };
}

function contextOf(parent: SpanStart["parent"], state: SpanStart["state"]): Context {
  const spanContext = parent === undefined ? null : parseTraceParent(parent);
  if (spanContext === null) return ROOT_CONTEXT;
  const traceFlags = spanContext.traceFlags & TraceFlags.SAMPLED;
  const traceState = state === undefined ? {} : { traceState: createTraceState(state) };
  return trace.setSpanContext(ROOT_CONTEXT, { ...spanContext, ...traceState, traceFlags, isRemote: true });
}
