import { expect, it } from "vitest";
import { keepAnswers } from "../../src/query/answers-kept.ts";

it("gives back what it was given, to the same project only", () => {
  const kept = keepAnswers();
  const answer = { rows: [1, 2, 3] };
  kept.set("p", "k", answer);
  expect(kept.get("p", "k")).toBe(answer);
  expect(kept.get("q", "k")).toBeUndefined();
  expect(kept.get("p", "other")).toBeUndefined();
});

it("keeps so many answers of a project, those used last", () => {
  const kept = keepAnswers({ maxEntries: 2 });
  kept.set("q", "a", 0);
  kept.set("p", "a", 1);
  kept.set("p", "b", 2);
  kept.get("p", "a");
  kept.set("p", "c", 3);
  expect(["a", "b", "c"].map((key) => kept.get("p", key))).toEqual([1, undefined, 3]);
  expect(kept.get("q", "a")).toBe(0);
  expect(kept.entries).toBe(3);
});

it("keeps so many bytes of a project, and nothing that would take much of them", () => {
  const kept = keepAnswers({ maxProjectBytes: 10_000 });
  for (let i = 0; i < 100; i++) kept.set("p", `${i}`, "x".repeat(500));
  expect(kept.bytes).toBeGreaterThan(8000);
  expect(kept.bytes).toBeLessThanOrEqual(10_000);
  expect(kept.get("p", "99")).toBeDefined();
  expect(kept.get("p", "0")).toBeUndefined();
  kept.set("p", "great", new Float64Array(400));
  expect(kept.get("p", "great")).toBeUndefined();
  expect(kept.get("p", "99")).toBeDefined();
});

it("keeps so many bytes in all, and lets those projects go that asked least of late", () => {
  const kept = keepAnswers({ maxBytes: 10_000, maxProjectBytes: 8000 });
  for (const project of ["p", "q", "r"]) {
    for (let i = 0; i < 4; i++) kept.set(project, `${i}`, "x".repeat(500));
    kept.get("p", "3");
  }
  expect(kept.bytes).toBeLessThanOrEqual(10_000);
  const found = ["p", "q", "r"].map(
    (p) => [0, 1, 2, 3].filter((i) => kept.get(p, `${i}`) !== undefined).length,
  );
  expect(found[1]).toBeLessThan(found[0]!);
  expect(found[2]).toBe(4);
});

it("counts an answer once that is put again, and none after it was cleared", () => {
  const kept = keepAnswers();
  kept.set("p", "k", { a: "x" });
  const { bytes } = kept;
  kept.set("p", "k", { a: "y" });
  expect(kept).toMatchObject({ entries: 1, bytes });
  kept.clear();
  expect(kept).toMatchObject({ entries: 0, bytes: 0 });
  expect(kept.get("p", "k")).toBeUndefined();
});

it("keeps nothing where it may take no bytes", () => {
  const kept = keepAnswers({ maxBytes: 0 });
  kept.set("p", "k", 1);
  expect(kept.entries).toBe(0);
});
