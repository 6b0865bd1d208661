import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { watchDisk } from "../../src/telemetry/disk.ts";
import { type ObservedParts, observeParts } from "../../src/telemetry/gauges.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";

const nothing: ObservedParts = { rooms: {}, threads: {}, disks: {}, health: () => [], info: {} };

/** The sample lines of what these parts tell, of the metrics that the name begins with. */
async function told(parts: Partial<ObservedParts>, name: string): Promise<string[]> {
  const metrics = createMetrics({ startedAtMs: 0, now: () => 0 });
  observeParts(metrics, { ...nothing, ...parts });
  return (await metrics.text()).split("\n").filter((line) => line.startsWith(name));
}

it("a part's health is a number that falls as it gets worse", async () => {
  const health = () =>
    [
      { name: "log", status: "healthy" },
      { name: "membership", status: "degraded" },
      { name: "store", status: "unhealthy" },
    ] as const;
  expect(await told({ health }, "weir_part_health")).toEqual([
    'weir_part_health{part="log"} 1',
    'weir_part_health{part="membership"} 0.5',
    'weir_part_health{part="store"} 0',
  ]);
});

it("no lag is below zero, where what others have applied is known before the log's end", async () => {
  const lag = { ends: () => [5, 7], positions: () => [6, 4] };
  expect(await told({ lag }, "kafka_consumer_lag_total")).toEqual([
    'kafka_consumer_lag_total{partition="0"} 0',
    'kafka_consumer_lag_total{partition="1"} 3',
  ]);
  expect(await told({ lag }, "weir_log_applied_offset")).toEqual([
    'weir_log_applied_offset{partition="0"} 6',
    'weir_log_applied_offset{partition="1"} 4',
  ]);
});

it("threads' milliseconds are told in seconds, and counters of parts as they stand", async () => {
  expect(await told({ threads: { store: () => 2500 } }, "weir_thread")).toEqual([
    'weir_thread_active_seconds_total{thread="store"} 2.5',
  ]);
  expect(await told({ rebalances: () => 3 }, "weir_consumer_rebalances")).toEqual([
    "weir_consumer_rebalances_total 3",
  ]);
});

it("what does not run in the process is not told", async () => {
  const text = (await told({}, "weir_")).join("\n");
  expect(text).not.toMatch(/weir_(consumer|store_(events|size)|log_(end|applied)|disk)/);
});

it("a disk is told as it was, also once its folder is gone", async () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-disk-"));
  const disk = watchDisk(folder);
  const { free, size } = disk();
  expect(free).toBeGreaterThan(0);
  expect(size).toBeGreaterThanOrEqual(free);
  rmSync(folder, { recursive: true });
  expect(disk().size).toBe(size);
  expect(disk().size).toBe(size);
  expect(() => watchDisk(folder)).toThrow(/ENOENT/);
});
