import { Durability, type IngestOptions } from "../../gen/analytics/v1/ingestion_pb.js";
import type { FieldViolation } from "../domain/errors.ts";
import type { EventRate } from "../domain/event-rate.ts";
import { timestampUs } from "../domain/record/flatten.ts";
import { encodeRecordHead } from "../domain/record/record.ts";
import type { LogAppender, LogRecord } from "../log/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { inSpan, type Tracing } from "../telemetry/tracing.ts";
import type { Visibility } from "../visibility/visibility.ts";
import { appendBy } from "./append.ts";
import { type Candidate, type CheckOptions, createCheck } from "./check.ts";
import { positionsOf } from "./positions.ts";
import type { IngestionStats } from "./stats.ts";
import { createTurns } from "./turns.ts";

/** Who sends, and by when an answer is needed. */
export interface Sender {
  readonly project: string;
  readonly requestId: string;
  /** traceparent of the call's span; absent where it is not traced. */
  readonly trace?: string;
  /** In milliseconds of Date.now(). */
  readonly deadline: number;
  readonly signal: AbortSignal;
  /** What the sender may send; absent: all, or it was counted before. */
  readonly events?: EventRate;
  /** Told as soon as the events are given to the log, whose order is that in which it gets them. */
  readonly given?: () => void;
}

/** What became of an event that was taken. */
export type Verdict = "accepted" | "duplicate" | "queued";

/** An event that was not taken. */
export interface Rejection {
  readonly index: number;
  readonly id: string;
  readonly violations: readonly FieldViolation[];
}

/** What became of the events of a request. */
export interface Admitted {
  readonly receivedMs: number;
  /** For each event its id: the sender's or the server's; empty where it has none and was rejected. */
  readonly ids: readonly string[];
  /** For each event; undefined where it was rejected. */
  readonly verdicts: readonly (Verdict | undefined)[];
  readonly counts: Readonly<Record<Verdict, number>>;
  readonly rejections: readonly Rejection[];
  /** Empty where nothing was stored, and for QUEUED. */
  readonly visibilityToken: string;
}

/** Admission of events: each is checked on its own, and those that pass are appended together. */
export interface Admission {
  /**
   * @param unparsed events that could not be parsed, by index; what stands at their index is not looked at
   * @throws WeirError RESOURCE_EXHAUSTED/QUEUE_FULL or RATE_LIMITED (nothing was taken), UNAVAILABLE/LOG_UNAVAILABLE and
   * DEADLINE_EXCEEDED (outcome unknown)
   */
  admit(
    candidates: readonly Candidate[],
    options: IngestOptions | undefined,
    sender: Sender,
    unparsed?: ReadonlyMap<number, FieldViolation>,
  ): Promise<Admitted>;
}

export interface AdmissionOptions extends CheckOptions {
  readonly log: LogAppender;
  readonly visibility: Visibility;
  readonly metrics: Metrics;
  readonly stats: IngestionStats;
  readonly tracing?: Tracing | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** How long the events of one request are worked on before other requests have a turn, in milliseconds. */
const sliceMs = 2;
/** Events between two looks at the clock. */
const stride = 16;

/** A sender's clock that is off by no more than this is left alone. */
const clockToleranceMs = 60_000;

export function createAdmission(options: AdmissionOptions): Admission {
  const { log, visibility, metrics, stats, tracing, now } = options;
  const check = createCheck(options);
  const turns = createTurns(sliceMs);

  return {
    async admit(candidates, ingest, sender, unparsed) {
      const started = performance.now();
      sender.events?.take(candidates.length);
      const receivedMs = now();
      const reception = {
        project: sender.project,
        receivedMs,
        requestId: sender.requestId,
        ...(sender.trace === undefined ? {} : { trace: sender.trace }),
        head: encodeRecordHead(sender.project, receivedMs * 1000, sender.requestId, sender.trace),
        shiftUs: clockShift(ingest, receivedMs),
      };
      const records: LogRecord[] = [];
      /** Index of the request for each record. */
      const indexes: number[] = [];
      const ids: string[] = [];
      const rejections: Rejection[] = [];
      let turnEnd = turns.end();
      for (let index = 0; index < candidates.length; index++) {
        if (index % stride === stride - 1 && performance.now() >= turnEnd) {
          await turns.next();
          turnEnd = turns.end();
        }
        const failed = unparsed?.get(index);
        const candidate = candidates[index]!;
        const checked = failed ? { id: idOf(candidate), violations: [failed] } : check(candidate, reception);
        if (checked.violations !== undefined) {
          rejections.push({ index, id: checked.id, violations: checked.violations });
          ids.push(checked.id);
        } else {
          records.push(checked.record);
          indexes.push(index);
          ids.push(checked.record.id);
        }
      }
      const verdicts: (Verdict | undefined)[] = new Array(candidates.length).fill(undefined);
      const durability = ingest?.durability || Durability.DURABLE;
      let visibilityToken = "";
      if (ingest?.validateOnly || records.length === 0) {
        for (const index of indexes) verdicts[index] = "accepted";
      } else if (durability === Durability.QUEUED) {
        log.enqueue(records);
        sender.given?.();
        for (const index of indexes) verdicts[index] = "queued";
      } else {
        const deadline = deadlineOf(ingest, sender, receivedMs);
        const appended = performance.now();
        // Of a stream the order is kept.
        const limits = { deadline, signal: sender.signal, overtakes: sender.given === undefined };
        const attributes = { events: records.length };
        const appending = inSpan(
          tracing,
          "append",
          { kind: "producer", parent: sender.trace, attributes },
          () => appendBy(log, records, limits, unknownOutcome),
        );
        sender.given?.();
        const result = await appending;
        metrics.append((performance.now() - appended) / 1000);
        for (let i = 0; i < indexes.length; i++) {
          verdicts[indexes[i]!] = result.duplicates[i] === 1 ? "duplicate" : "accepted";
        }
        const positions = positionsOf(result);
        visibilityToken = visibility.tokenFor(sender.project, positions);
        if (durability === Durability.APPLIED) {
          await visibility.waitFor(positions, { deadline, signal: sender.signal });
        }
      }
      const counts = count(verdicts);
      const seconds = (performance.now() - started) / 1000;
      stats.answered(counts, rejections.length, seconds);
      metrics.batch(candidates.length);
      metrics.processing("ingest", seconds);
      if (!ingest?.validateOnly) {
        for (const verdict of ["accepted", "duplicate", "queued"] as const) {
          if (counts[verdict] > 0) metrics.events(sender.project, "ingest", verdict, counts[verdict]);
        }
        if (counts.duplicate > 0) metrics.duplicates(sender.project, counts.duplicate);
      }
      if (rejections.length > 0) {
        metrics.events(sender.project, "ingest", "rejected", rejections.length);
        metrics.error(sender.project, "ingest", "INVALID_EVENT", rejections.length);
        stats.failed("INVALID_EVENT", rejections.length);
      }
      return { receivedMs, ids, verdicts, counts, rejections, visibilityToken };
    },
  };
}

const unknownOutcome =
  "the events were not durable by the deadline: the outcome is unknown, and the same ids may be sent again";

/** Of an event that did not parse, as far as it is known. */
function idOf(candidate: Candidate): string {
  return candidate instanceof Uint8Array ? "" : candidate.id;
}

function clockShift(ingest: IngestOptions | undefined, receivedMs: number): number {
  if (!ingest?.sentTime) return 0;
  const difference = receivedMs * 1000 - timestampUs(ingest.sentTime);
  return Math.abs(difference) > clockToleranceMs * 1000 ? difference : 0;
}

function deadlineOf(ingest: IngestOptions | undefined, sender: Sender, receivedMs: number): number {
  const { timeout } = ingest ?? {};
  if (!timeout) return sender.deadline;
  return Math.min(sender.deadline, receivedMs + Number(timeout.seconds) * 1000 + timeout.nanos / 1e6);
}

function count(verdicts: readonly (Verdict | undefined)[]): Record<Verdict, number> {
  const counts = { accepted: 0, duplicate: 0, queued: 0 };
  for (const verdict of verdicts) if (verdict) counts[verdict]++;
  return counts;
}
