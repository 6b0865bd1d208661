import type { Stage } from "../domain/health.ts";
import type { Metrics } from "./metrics.ts";
import { compareSeries, readSeries, type Series } from "./reading.ts";

export interface HistorySample {
  readonly timeMs: number;
  readonly value: number;
}

/** A series and its samples, oldest first. */
export interface HistorySeries {
  readonly series: Series;
  readonly samples: readonly HistorySample[];
}

/** The metrics of the last hour, in memory. */
export interface History extends Stage {
  /** Takes a sample now; the timer of `start` calls it. */
  sample(): Promise<void>;
  /** Takes a sample now and then every interval. */
  start(): void;
  /** When the oldest sample that is kept was taken; undefined before the first. */
  startMs(): number | undefined;
  /** Series that `wanted` takes, with their samples in [fromMs, toMs), by name, then by labels. */
  between(fromMs: number, toMs: number, wanted: (series: Series) => boolean): HistorySeries[];
  /** Ends the timer and waits for a sample under way. */
  close(): Promise<void>;
}

export interface HistoryOptions {
  readonly metrics: Metrics;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Time between two samples. Default 5 s. */
  readonly intervalMs?: number;
  /** Age at which a sample is forgotten. Default 1 h. */
  readonly keepMs?: number;
  /**
   * Series that are remembered. Default 2,000, for which an hour takes at most 12 MB. Once there are so many, a bucket
   * gives its place to what is none, since its histogram's _sum and _count say more in less; what finds no place has no
   * history.
   */
  readonly maxSeries?: number;
}

/** The values at one time, by number of the series; NaN, or beyond the end, where one had none. */
interface Frame {
  readonly timeMs: number;
  readonly values: Float64Array;
}

export function createHistory(options: HistoryOptions): History {
  const { metrics, now, intervalMs = 5000, keepMs = 3_600_000, maxSeries = 2000 } = options;
  const kept: Series[] = [];
  const numbers = new Map<string, number>();
  /** Numbers of those that are buckets. */
  const buckets: number[] = [];
  const frames: Frame[] = [];
  let left = 0;
  let failure = "";
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  function numberOf(series: Series): number | undefined {
    const known = numbers.get(keyOf(series));
    if (known !== undefined) return known;
    const number = kept.length < maxSeries ? kept.length : isBucket(series) ? undefined : evictBucket();
    if (number === undefined) return undefined;
    kept[number] = series;
    numbers.set(keyOf(series), number);
    if (isBucket(series)) buckets.push(number);
    return number;
  }

  /** The number that is free then; undefined where there is no bucket. */
  function evictBucket(): number | undefined {
    const number = buckets.pop();
    if (number === undefined) return undefined;
    numbers.delete(keyOf(kept[number]!));
    for (const { values } of frames) if (number < values.length) values[number] = Number.NaN;
    return number;
  }

  async function take(): Promise<void> {
    const readings = await readSeries(metrics.registry);
    // Buckets last, so that none that has its number here already has to give it up.
    const { last = [], first = [] } = Object.groupBy(readings, ({ series }) =>
      isBucket(series) ? "last" : "first",
    );
    const numbered = [...first, ...last].map(({ series, value }) => ({ number: numberOf(series), value }));
    const values = new Float64Array(kept.length).fill(Number.NaN);
    for (const { number, value } of numbered) if (number !== undefined) values[number] = value;
    left = numbered.filter(({ number }) => number === undefined).length;
    const timeMs = now();
    // After a clock was set back, of two samples that say the same time the later one counts.
    while (frames.length > 0 && frames.at(-1)!.timeMs > timeMs) frames.pop();
    while (frames.length > 0 && frames[0]!.timeMs <= timeMs - keepMs) frames.shift();
    frames.push({ timeMs, values });
  }

  /** One at a time: a slow one makes the next tick wait for it instead of a second one beside it. */
  function sample(): Promise<void> {
    running ??= take()
      .then(
        () => {
          failure = "";
        },
        (error: unknown) => {
          failure = error instanceof Error ? error.message : String(error);
          metrics.error("", "telemetry", "INTERNAL");
        },
      )
      .finally(() => {
        running = undefined;
      });
    return running;
  }

  return {
    sample,
    start() {
      if (timer !== undefined) return;
      void sample();
      timer = setInterval(() => void sample(), intervalMs).unref();
    },
    startMs: () => frames[0]?.timeMs,
    between(fromMs, toMs, wanted) {
      const inRange = frames.filter(({ timeMs }) => timeMs >= fromMs && timeMs < toMs);
      const found = kept.flatMap((series, number) => {
        if (!wanted(series)) return [];
        const samples = inRange.flatMap(({ timeMs, values }) => {
          const value = values[number];
          return value === undefined || Number.isNaN(value) ? [] : [{ timeMs, value }];
        });
        return samples.length === 0 ? [] : [{ series, samples }];
      });
      return found.sort((a, b) => compareSeries(a.series, b.series));
    },
    health: () => ({ name: "metrics", status: failure === "" ? "healthy" : "degraded", message: failure }),
    stats: () => ({ samples: frames.length, series: kept.length, series_without_history: left }),
    async close() {
      clearInterval(timer);
      timer = undefined;
      await running;
    },
  };
}

function isBucket({ name, metric }: Series): boolean {
  return name === `${metric}_bucket`;
}

function keyOf({ name, labelText }: Series): string {
  return name + labelText;
}
