/** What exports hold of the embedded store: places, and files beside it. */
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { applySmall, row, startExport } from "../support/exports.ts";
import { createFeed, type TemporaryStore, temporaryStore } from "../support/store.ts";

let temporary: TemporaryStore;
let folder: string;
beforeEach(async () => {
  temporary = await temporaryStore();
  folder = `${temporary.path}.exports`;
  await applySmall(temporary.store, createFeed(), row(3000, 0, { text: "x".repeat(2000) }));
});
afterEach(() => temporary.remove());

it("an export that nobody wants any more ends at once, and frees its place", async () => {
  const { store } = temporary;
  const patterns = Array.from({ length: 200 }, (_, i) => `properties.text.matches("(x+|y${i})*z$")`);
  const filter = patterns.join(" || ");
  for (const format of ["ndjson", "parquet"] as const) {
    const caller = new AbortController();
    const asked = startExport(store, format, { signal: caller.signal, filter }).next();
    await expect.poll(() => store.stats().exportsRunning).toBe(1);
    caller.abort();
    await expect(asked).rejects.toMatchObject({ code: "CANCELLED" });
    await expect.poll(() => store.stats().exportsRunning).toBe(0);
  }
  await expect.poll(() => readdirSync(folder)).toEqual([]);
});

it("an export holds nothing between two pieces, and leaves no file behind", async () => {
  const { store } = temporary;
  const left = startExport(store, "ndjson");
  await left.next();
  await left.return?.();
  const caller = new AbortController();
  const aborted = startExport(store, "parquet", { signal: caller.signal });
  await aborted.next();
  expect(store.stats().exportsRunning).toBe(0);
  expect(readdirSync(folder)).toEqual([]);
  caller.abort();
  await expect(aborted.next()).rejects.toMatchObject({ code: "CANCELLED" });
});

it("a store that opens removes what a crash left of exports", async () => {
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, "left.parquet"), "PAR1");
  await temporary.reopen();
  expect(existsSync(folder)).toBe(false);
});
