/** Spans of the calls that are traced. Where nothing traces, there is no Tracing, and nothing is done for it. */

export type SpanKind = "server" | "internal" | "client" | "producer" | "consumer";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

export interface SpanStart {
  readonly kind: SpanKind;
  /** traceparent of the span that it belongs to; absent, or where it is none: it begins a trace of its own. */
  readonly parent?: string | undefined;
  /** tracestate beside it. */
  readonly state?: string | undefined;
  readonly attributes?: SpanAttributes;
  /** In milliseconds since 1970. Default: now. */
  readonly startMs?: number;
}

export interface Span {
  /** By which spans of this process and of others become its children. */
  readonly traceparent: string;
  readonly traceId: string;
  /** Once. A failure by its code or reason; absent: it went well. */
  end(failure?: string, attributes?: SpanAttributes): void;
}

export interface Tracing {
  /** Undefined where the trace is not sampled. */
  begin(name: string, start: SpanStart): Span | undefined;
  /** How many spans were lost since the start, since the collector did not take them. */
  lost(): number;
  /** Sends what is left, for a bounded time. */
  close(): Promise<void>;
}

/** Work as a span of the trace, where there is one. */
export async function inSpan<T>(
  tracing: Tracing | undefined,
  name: string,
  start: SpanStart,
  work: (trace: string | undefined) => Promise<T>,
): Promise<T> {
  const span = start.parent === undefined ? undefined : tracing?.begin(name, start);
  if (span === undefined) return work(start.parent);
  try {
    const result = await work(span.traceparent);
    span.end();
    return result;
  } catch (error) {
    span.end(failureOf(error));
    throw error;
  }
}

function failureOf(error: unknown): string {
  const { reason, name } = error as { reason?: unknown; name?: unknown };
  return typeof reason === "string" ? reason : String(name ?? "Error");
}
