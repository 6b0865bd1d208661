import type { Metrics } from "./metrics.ts";

/** One answered call of the port. */
export interface AnsweredCall {
  /** Full name of the method, or another name of a fixed set. */
  readonly method: string;
  readonly protocol: string;
  readonly code: string;
  /** Absent where it went well. */
  readonly reason?: string;
  readonly durationMs: number;
  readonly stream: boolean;
  /** Absent where nobody was authenticated. */
  readonly project?: string;
}

const question = /^analytics\.v1\.AnalyticsService\/(?!GetAnalyticsHealth$|GetMetrics$)/;
/** Of a call that came as far as its question; others were refused before. */
const askedCodes = ["OK", "DEADLINE_EXCEEDED", "INTERNAL"];
const ingestionMethod = /^analytics\.v1\.(EventIngestionService|ProducerService)\//;

/**
 * Counts one answered call.
 *
 * @param refused is told the reason of a call of ingestion that failed as a whole
 */
export function countCall(call: AnsweredCall, metrics: Metrics, refused: (reason: string) => void): void {
  const seconds = call.durationMs / 1000;
  metrics.rpc(call.method, call.protocol, call.code, seconds, call.stream);
  if (question.test(call.method) && askedCodes.includes(call.code) && !call.stream)
    metrics.processing("query", seconds);
  if (call.reason === undefined) return;
  metrics.error(call.project ?? "", "transport", call.reason);
  if (call.reason === "RATE_LIMITED") metrics.rateLimited(call.project ?? "");
  // Rejected events were counted at admission, one by one.
  if (ingestionMethod.test(call.method) && call.reason !== "INVALID_EVENT") refused(call.reason);
}
