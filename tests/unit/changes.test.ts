import { expect, test, vi } from "vitest";
import { createChanges } from "../../src/state/changes.ts";
import type { StateStore } from "../../src/state/state.ts";

/** State in memory, which may take no writes for a while. */
function memoryState(): Pick<StateStore, "get" | "put"> & { broken: boolean } {
  const entries = new Map<string, Uint8Array>();
  return {
    broken: false,
    get: async (key) => entries.get(key),
    async put(key, value) {
      if (this.broken) throw new Error("no brokers");
      entries.set(key, value);
    },
  };
}

test("every process hears that a change is under way, and of each that has ended", async () => {
  const state = memoryState();
  const other = createChanges(state, "rows");
  const seen = new Set([await other.seen()]);
  for (let i = 0; i < 3; i++) {
    const changer = createChanges(state, "rows");
    expect(
      await changer.run(async () => {
        expect(await other.seen()).toBeUndefined();
        return i;
      }),
    ).toBe(i);
    await changer.close();
    seen.add(await other.seen());
  }
  expect(seen.size).toBe(4);
  expect(seen.has(undefined)).toBe(false);
});

test("the end of a change that fails is told too", async () => {
  const changes = createChanges(memoryState(), "rows");
  const failing = changes.run(async () => {
    throw new Error("no store");
  });
  await expect(failing).rejects.toThrow("no store");
  await vi.waitFor(async () => expect(await changes.seen()).toBeDefined(), { timeout: 10_000 });
  await changes.close();
});

test("nothing is changed where others cannot be told, and one whose end is not told stays under way", async () => {
  const state = memoryState();
  const changes = createChanges(state, "rows");
  state.broken = true;
  let runs = 0;
  await expect(changes.run(async () => runs++)).rejects.toThrow("no brokers");
  expect(runs).toBe(0);
  state.broken = false;
  await changes.run(async () => {
    state.broken = true;
  });
  await changes.close();
  expect(await changes.seen()).toBeUndefined();
  state.broken = false;
  const next = createChanges(state, "rows");
  await next.run(async () => {});
  await next.close();
  expect(await changes.seen()).toBeDefined();
});

test("what goes on after its change has failed is under way until it is over, and holds no other change up", async () => {
  const state = memoryState();
  const other = createChanges(state, "rows");
  let isOver = false;
  const changes = createChanges(state, "rows", async () => isOver);
  const givenUp = changes.run(async () => {
    throw new Error("no answer");
  });
  await expect(givenUp).rejects.toThrow("no answer");
  expect(await other.seen()).toBeUndefined();
  expect(await changes.run(async () => "another")).toBe("another");
  expect(await other.seen()).toBeUndefined();
  await changes.close();
  // Nor does the change of another process end it.
  const next = createChanges(state, "rows", async () => isOver);
  await next.run(async () => {});
  expect(await other.seen()).toBeUndefined();
  isOver = true;
  await vi.waitFor(async () => expect(await other.seen()).toBeDefined(), { timeout: 10_000 });
  await next.close();
});

test("of several changes at once the end is told once the last has ended", async () => {
  const state = memoryState();
  const other = createChanges(state, "rows");
  let asked = 0;
  const changes = createChanges(state, "rows", async () => {
    asked++;
    return true;
  });
  const long = Promise.withResolvers<void>();
  const removal = changes.run(() => long.promise);
  await changes.run(async () => {});
  await changes.run(async () => {});
  expect(await other.seen()).toBeUndefined();
  expect(asked).toBe(0);
  long.resolve();
  await removal;
  await changes.close();
  expect(await other.seen()).toBeDefined();
});
