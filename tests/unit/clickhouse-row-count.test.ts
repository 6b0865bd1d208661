import { afterEach, beforeEach, expect, it, vi } from "vitest";
import type { Connection } from "../../src/store/clickhouse/connection.ts";
import { createRowCount } from "../../src/store/clickhouse/row-count.ts";

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

/** A database whose rows are counted. */
function database() {
  const held = { rows: 0, counts: 0 };
  const table = async () => {
    held.counts++;
    return { rowCount: 1, columns: [[held.rows]] };
  };
  return { held, connection: { table } as unknown as Connection };
}

it("counts what others wrote right after a count, a little later", async () => {
  const { held, connection } = database();
  const count = await createRowCount(connection);
  held.rows = 50;
  count.othersWrote();
  count.othersWrote();
  expect(count.rows).toBe(0);
  await vi.advanceTimersByTimeAsync(10_000);
  expect([count.rows, held.counts]).toEqual([50, 2]);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(held.counts).toBe(2);
  held.rows = 51;
  count.othersWrote();
  await vi.advanceTimersByTimeAsync(0);
  expect([count.rows, held.counts]).toEqual([51, 3]);
});

it("counts nothing any more once it is closed", async () => {
  const { held, connection } = database();
  const count = await createRowCount(connection);
  count.othersWrote();
  count.close();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(held.counts).toBe(1);
});
