import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createUpkeep } from "../../src/consumer/upkeep.ts";
import type { Logger } from "../../src/telemetry/logger.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

it("a step that takes long is told while it goes on, and others are not", async () => {
  const lines: unknown[] = [];
  const tell: Logger["warn"] = ({ what }, message) => lines.push([what, message]);
  const logger: Logger = { debug: tell, info: tell, warn: tell, error: tell, child: () => logger };
  const held = Promise.withResolvers<number>();
  const kept = Number.POSITIVE_INFINITY;
  const upkeep = createUpkeep({
    ages: { rows: kept, ids: kept, log: kept },
    ids: [],
    more: { short: async () => 0, long: () => held.promise, last: async () => 0 },
    logger,
    now: Date.now,
    slowMs: 10_000,
  });
  const running = upkeep.run();
  await vi.advanceTimersByTimeAsync(9_999);
  expect(lines).toEqual([]);
  await vi.advanceTimersByTimeAsync(1);
  const told = [["long", "removing what is old goes on for more than 10 s"]];
  expect(lines).toEqual(told);
  held.resolve(0);
  await running;
  await vi.advanceTimersByTimeAsync(60_000);
  expect(lines).toEqual(told);
});
