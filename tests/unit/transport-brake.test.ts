import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { createBrake } from "../../src/transport/brake.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

const caller = () => new AbortController();
const tooMuch = (retryDelayMs: number) =>
  new WeirError("RESOURCE_EXHAUSTED", "RATE_LIMITED", "too much", { retryDelayMs });

/** Whether a hold is over once so many milliseconds have passed. */
async function isOver(hold: Promise<void>, ms: number): Promise<boolean> {
  let over = false;
  void hold.then(() => {
    over = true;
  });
  await vi.advanceTimersByTimeAsync(ms);
  return over;
}

it("holds a refusal for sending too much, no longer than the caller is told to wait", async () => {
  const { hold } = createBrake();
  const [long, short] = [hold(tooMuch(5000), caller().signal), hold(tooMuch(20), caller().signal)];
  expect([await isOver(long, 19), await isOver(short, 0)]).toEqual([false, false]);
  expect([await isOver(short, 1), await isOver(long, 79)]).toEqual([true, false]);
  expect(await isOver(long, 1)).toBe(true);
});

it("lets every other refusal go at once", async () => {
  const { hold } = createBrake();
  for (const refusal of [new WeirError("UNAUTHENTICATED", "NO_KEY", "no key"), new Error("a defect")]) {
    expect(await isOver(hold(refusal, caller().signal), 0)).toBe(true);
  }
});

it("ends with a caller who goes away", async () => {
  const { hold } = createBrake();
  const gone = caller();
  const held = hold(tooMuch(5000), gone.signal);
  expect(await isOver(held, 10)).toBe(false);
  gone.abort();
  expect(await isOver(held, 0)).toBe(true);
});

it("holds a bounded number, and more once those are over", async () => {
  const { hold } = createBrake();
  const held = Array.from({ length: 256 }, () => hold(tooMuch(5000), caller().signal));
  expect(await isOver(hold(tooMuch(5000), caller().signal), 0)).toBe(true);
  expect(
    await isOver(
      Promise.all(held).then(() => {}),
      100,
    ),
  ).toBe(true);
  expect(await isOver(hold(tooMuch(5000), caller().signal), 99)).toBe(false);
});
