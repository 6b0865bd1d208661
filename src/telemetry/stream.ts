/** StreamMetrics: the series of a request again and again, after the first message only what changed. */
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { pause } from "../domain/pause.ts";
import { sharerOf } from "../domain/principal.ts";
import { createSlots, type Slots } from "../domain/slots.ts";
import { seriesMessage } from "./message.ts";
import type { Metrics } from "./metrics.ts";
import { compareSeries, type Reading, readSeries } from "./reading.ts";
import { seriesFilter } from "./selection.ts";

export interface StreamOptions {
  readonly metrics: Metrics;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Places for streams. Default 500. */
  readonly slots?: Slots;
  /** Waits. Default domain/pause. */
  readonly wait?: (ms: number, signal: AbortSignal) => Promise<void>;
}

const defaultIntervalMs = 5000;
const heartbeatMs = 15_000;
/** Streams that read within this time share one reading. */
const sharedMs = 250;

interface Taken {
  readonly timeMs: number;
  readonly readings: Promise<Reading[]>;
}

export function createMetricsStream(
  options: StreamOptions,
): ServiceImplementation<typeof MetricsService>["streamMetrics"] {
  const { metrics, now, slots = createSlots(500, "places for live streams"), wait = pause } = options;
  let last: Taken | undefined;

  function take(): Taken {
    const timeMs = now();
    if (last === undefined || Math.abs(timeMs - last.timeMs) >= sharedMs) {
      const readings = readSeries(metrics.registry).then((all) =>
        all.sort((a, b) => compareSeries(a.series, b.series)),
      );
      last = { timeMs, readings };
    }
    return last;
  }

  return async function* streamMetrics({ names, labels, interval }, { signal, principal }) {
    const giveBack = slots.take(sharerOf(principal));
    try {
      const wanted = seriesFilter(names, labels);
      const intervalMs = interval
        ? Number(interval.seconds) * 1000 + interval.nanos / 1e6
        : defaultIntervalMs;
      let values: ReadonlyMap<string, number> | undefined;
      let untilReading = 0;
      let untilHeartbeat = heartbeatMs;
      while (!signal.aborted) {
        if (untilReading <= 0) {
          untilReading = intervalMs;
          const { timeMs, readings } = take();
          const current = (await readings).filter(({ series }) => wanted(series));
          const before = values;
          const changed = current.filter(({ series, value }) => before?.get(keyOf(series)) !== value);
          values = new Map(current.map(({ series, value }) => [keyOf(series), value]));
          if (before === undefined || changed.length > 0) {
            untilHeartbeat = heartbeatMs;
            yield {
              time: timestampFromMs(timeMs),
              series: changed.map(({ series, value }) =>
                seriesMessage({ series, samples: [{ timeMs, value }] }),
              ),
            };
          }
        }
        if (untilHeartbeat <= 0) {
          untilHeartbeat = heartbeatMs;
          yield {};
        }
        const ms = Math.min(untilReading, untilHeartbeat);
        await wait(ms, signal);
        untilReading -= ms;
        untilHeartbeat -= ms;
      }
    } finally {
      giveBack();
    }
  };
}

function keyOf({ name, labelText }: Reading["series"]): string {
  return name + labelText;
}
