import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createStart } from "../../src/app-start.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

function fixture() {
  const lines: string[] = [];
  const take = (_: unknown, message: string) => void lines.push(message);
  const logger = { debug: take, info: take, warn: take, error: take, child: () => logger };
  const stop = new AbortController();
  return { lines, stop, start: createStart(stop.signal, logger) };
}

it("tells what a start waits for, once it takes long, then from time to time, with the last trouble", async () => {
  const { lines, start } = fixture();
  const there = Promise.withResolvers<string>();
  let failed: (why: string) => void = () => {};
  const waiting = start.waitFor("Kafka at a:1", (wait) => {
    failed = wait.failed;
    return there.promise;
  });
  vi.advanceTimersByTime(999);
  expect(lines).toEqual([]);
  vi.advanceTimersByTime(1);
  expect(lines).toEqual(["waiting for Kafka at a:1: no answer yet"]);
  failed("refused");
  failed("no route");
  vi.advanceTimersByTime(10_000);
  expect(lines.slice(1)).toEqual(["waiting for Kafka at a:1: no route"]);
  there.resolve("here");
  expect(await waiting).toBe("here");
  vi.advanceTimersByTime(60_000);
  expect(lines).toHaveLength(2);
});

it("tells nothing of what is there at once, or has failed", async () => {
  const { lines, start } = fixture();
  expect(await start.waitFor("a", async () => 1)).toBe(1);
  await expect(start.waitFor("b", () => Promise.reject(new Error("broken")))).rejects.toThrow("broken");
  vi.advanceTimersByTime(60_000);
  expect(lines).toEqual([]);
});

it("begins no wait that is given up already", async () => {
  const { stop, start } = fixture();
  stop.abort(new Error("stopped"));
  const work = vi.fn();
  await expect(start.waitFor("a", work)).rejects.toThrow("stopped");
  expect(work).not.toHaveBeenCalled();
});
