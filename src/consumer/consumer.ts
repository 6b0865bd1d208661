import { WeirError } from "../domain/errors.ts";
import type { Stage } from "../domain/health.ts";
import { type Block, BrokenBlockError, blockTime } from "../domain/record/block.ts";
import type { Assignment } from "../log/assignment.ts";
import type { LogReader } from "../log/log.ts";
import type { ApplyResult, EventStore } from "../store/store.ts";
import type { Logger } from "../telemetry/logger.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { createRate } from "../telemetry/rate.ts";
import type { Tracing } from "../telemetry/tracing.ts";
import { createBatches, RecordsRemovedError } from "./batches.ts";
import { heldBackSince } from "./lag.ts";

export interface ConsumerFigures {
  readonly applied: number;
  readonly eventsPerSecond: number;
  readonly batches: number;
  readonly errors: number;
  readonly deadLetters: number;
  readonly duplicates: number;
  /** Milliseconds since 1970; undefined before the first batch. */
  readonly lastAppliedMs: number | undefined;
}

/** Applies the log's assigned partitions to the store, exactly once, as it grows. */
export interface Consumer extends Stage {
  start(): void;
  /** Ends after the batch under way. */
  stop(): Promise<void>;
  /** Resolves once nothing is applied any more that was assigned before the call. */
  settled(): Promise<void>;
  positions(): readonly number[];
  onApplied(listener: () => void): () => void;
  /** Age of the oldest block that is being applied or is held back, in seconds; 0 where nothing waits. */
  pendingSeconds(): number;
  figures(): ConsumerFigures;
}

export interface ConsumerOptions {
  readonly log: LogReader;
  readonly store: EventStore;
  readonly assignment: Assignment;
  /** Told of each batch; undefined: it is unknown what became of it. Default: nobody is. */
  readonly afterBatch?: (result: ApplyResult | undefined) => void;
  /** Told once where nothing can be applied any more without help, and why. Default: nobody is. */
  readonly onStopped?: (why: string) => void;
  readonly metrics: Metrics;
  readonly logger: Logger;
  /** Default: nothing is traced. */
  readonly tracing?: Tracing | undefined;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** About how much of the log is applied in one transaction; as much may be read ahead. Default 4 MiB. */
  readonly batchBytes?: number;
  /**
   * Least time from the start of one transaction to the start of the next, in milliseconds: small ones cost nearly as
   * much as large ones. What comes after a pause goes at once. Default 25.
   */
  readonly intervalMs?: number;
  /** Least and greatest wait before what failed is tried again, in milliseconds. Default 100 and 10,000. */
  readonly backoffMs?: { readonly least: number; readonly most: number };
}

/** Least time between two lines that say the same, in milliseconds. */
const sameLineMs = 60_000;

export function createConsumer(options: ConsumerOptions): Consumer {
  const { log, store, assignment, metrics, logger, now } = options;
  const { batchBytes = 4 * 1024 * 1024, intervalMs = 25 } = options;
  const { least, most } = options.backoffMs ?? { least: 100, most: 10_000 };
  const batches = createBatches({
    log,
    assignment,
    positions: () => store.positions(),
    bytes: batchBytes,
    onAhead: (blocks) => store.foresee?.(blocks),
  });
  const listeners = new Set<() => void>();
  const rate = createRate({ now: () => performance.now() });
  const totals = { applied: 0, batches: 0, errors: 0, deadLetters: 0, duplicates: 0 };
  let lastAppliedMs: number | undefined;
  /** When the oldest block that is not yet applied was made. */
  let pendingSinceMs: number | undefined;
  /** Why the store lags although the consumer runs; empty where it does not. */
  let trouble = "";
  /** Whether that does not pass without help. */
  let isRefused = false;
  let told = { what: "", ms: 0 };
  /** Set where the log cannot be applied any further. */
  let broken = "";
  let running = false;
  let loop: Promise<void> = Promise.resolve();
  /** What is being read and applied. */
  let round: Promise<unknown> = Promise.resolve();
  let wake: () => void = () => {};
  const unsubscribe: (() => void)[] = [];

  /** Answers whether there was anything to apply. */
  async function applyNext(): Promise<boolean> {
    const blocks = await batches.next();
    pendingSinceMs =
      blocks.length === 0 ? undefined : Math.min(...blocks.map(({ bytes }) => blockTime(bytes)));
    if (blocks.length === 0) {
      trouble = "";
      return false;
    }
    const started = performance.now();
    batches.readOn(blocks);
    const result = await apply(blocks);
    const seconds = (performance.now() - started) / 1000;
    record(result, seconds);
    trace(result, seconds);
    trouble = "";
    for (const listener of listeners) listener();
    return true;
  }

  async function apply(blocks: readonly Block[]): Promise<ApplyResult> {
    let result: ApplyResult | undefined;
    try {
      result = await store.apply(blocks);
      return result;
    } finally {
      options.afterBatch?.(result);
    }
  }

  function record(result: ApplyResult, seconds: number): void {
    totals.batches++;
    totals.applied += result.applied;
    totals.deadLetters += result.deadLetters;
    totals.duplicates += result.duplicates;
    lastAppliedMs = now();
    rate.add(result.applied);
    metrics.apply(result.applied, seconds);
    metrics.processing("consume", seconds);
    if (result.oldestReceivedMs !== undefined) {
      metrics.visibilityDelay(Math.max(0, lastAppliedMs - result.oldestReceivedMs) / 1000);
    }
    for (const { project, reason, count } of result.deadLetterReasons)
      metrics.deadLetters(project, reason, count);
    for (const [project, counts] of result.byProject) {
      if (counts.applied > 0) metrics.events(project, "consume", "applied", counts.applied);
      if (counts.deadLetters > 0) metrics.events(project, "consume", "dead_letter", counts.deadLetters);
      if (counts.duplicates > 0) {
        metrics.events(project, "consume", "duplicate", counts.duplicates);
        metrics.duplicates(project, counts.duplicates);
      }
    }
  }

  /** Each call that brought something sees the batch in its own trace. */
  function trace({ traces, applied, deadLetters }: ApplyResult, seconds: number): void {
    const attributes = { "batch.applied": applied, "batch.dead_letters": deadLetters };
    for (const parent of traces) {
      const startMs = Date.now() - seconds * 1000;
      options.tracing?.begin("apply", { kind: "consumer", parent, startMs, attributes })?.end();
    }
  }

  function tellTrouble(error: unknown): void {
    const ms = performance.now();
    // Refusals are one: each batch may begin with another partition.
    const what = isRefused ? "refused" : trouble;
    if (what === told.what && ms - told.ms < sameLineMs) return;
    told = { what, ms };
    // A refusal says what is wrong; where it came from helps nobody.
    logger.warn(isRefused ? {} : { err: error }, `applying the log failed and is tried again: ${trouble}`);
  }

  const sleep = (ms: number) =>
    new Promise<void>((resolve) => {
      if (!running) return resolve();
      const timer = setTimeout(resolve, ms);
      wake = () => {
        // Only stop() cuts a wait short: more records neither mend what failed nor are in a hurry.
        if (running) return;
        clearTimeout(timer);
        resolve();
      };
    });

  async function run(): Promise<void> {
    let wait = least;
    while (running) {
      try {
        const grown = new Promise<void>((resolve) => {
          wake = resolve;
        });
        const started = performance.now();
        const applying = applyNext();
        round = applying.catch(() => {});
        if (!(await applying)) {
          if (running) await grown;
          continue;
        }
        wait = least;
        const pause = intervalMs - (performance.now() - started);
        if (pause > 0) await sleep(pause);
      } catch (error) {
        totals.errors++;
        const reason = error instanceof WeirError ? error.reason : "INTERNAL";
        metrics.error("", "consume", reason);
        broken = finality(error);
        if (broken !== "") {
          logger.error({ err: error, positions: store.positions() }, "the log cannot be applied any further");
          options.onStopped?.(broken);
          return;
        }
        const part = reason === "LOG_UNAVAILABLE" ? "log" : "store";
        trouble = `waiting for the ${part}: ${(error as Error).message}`;
        isRefused = error instanceof WeirError && error.code === "FAILED_PRECONDITION";
        tellTrouble(error);
        // Full jitter, so that many consumers of one store do not come back together.
        await sleep(Math.random() * wait);
        wait = Math.min(most, wait * 2);
      }
    }
  }

  return {
    start() {
      running = true;
      for (const source of [log.onAppend, assignment.onChange]) unsubscribe.push(source(() => wake()));
      loop = run();
    },
    async stop() {
      running = false;
      batches.abandon();
      wake();
      await loop;
      for (const end of unsubscribe.splice(0)) end();
    },
    async settled() {
      batches.abandon();
      await round;
    },
    positions: () => store.positions(),
    onApplied(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    pendingSeconds() {
      const heldMs = heldBackSince(log, assignment.partitions());
      const sinceMs = Math.min(pendingSinceMs ?? heldMs, heldMs);
      return Math.max(0, now() - sinceMs) / 1000;
    },
    figures: () => ({ ...totals, eventsPerSecond: rate.perSecond(), lastAppliedMs }),
    health() {
      if (broken !== "") return { name: "consumer", status: "unhealthy", message: broken };
      const status = isRefused ? "unhealthy" : "degraded";
      if (trouble !== "") return { name: "consumer", status, message: trouble };
      return { name: "consumer", status: "healthy", message: "" };
    },
    stats: () => ({ ...totals, events_per_second: rate.perSecond(), positions: store.positions() }),
  };
}

/** Why nothing can be applied any more, however often it is tried; empty where it may be. */
function finality(error: unknown): string {
  const isLost = error instanceof WeirError && error.reason === "LOG_LOST";
  if (isLost || error instanceof RecordsRemovedError) return `stopped: ${error.message}`;
  return error instanceof BrokenBlockError ? `stopped at a broken block: ${error.message}` : "";
}
