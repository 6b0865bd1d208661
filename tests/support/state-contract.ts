import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { maxStateKeyBytes, maxStateValueBytes } from "../../src/state/limits.ts";
import type { StateStore } from "../../src/state/state.ts";

export interface StateFixture {
  readonly state: StateStore;
  /** Closes it and opens it again. */
  reopen(): Promise<StateStore>;
  /** Closes and removes it. */
  remove(): Promise<void>;
}

const bytes = (text: string) => Buffer.from(text);
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

/** What small state promises wherever it is kept. */
export function stateContract(make: () => Promise<StateFixture>): void {
  let fixture: StateFixture;
  let state: StateStore;
  beforeEach(async () => {
    fixture = await make();
    state = fixture.state;
  });
  afterEach(() => fixture.remove());

  describe("small state", () => {
    it("keeps what was put last, also after it was opened again", async () => {
      await state.put("secret/token", bytes("one"));
      await state.put("secret/token", bytes("two"));
      expect(text(await state.get("secret/token"))).toBe("two");
      state = await fixture.reopen();
      expect(text(await state.get("secret/token"))).toBe("two");
    });

    it("takes what is put where there is nothing once, whoever does so at once", async () => {
      const values = Array.from({ length: 8 }, (_, i) => `value ${i}`);
      const taken = await Promise.all(values.map((value) => state.putIfAbsent("a", bytes(value))));
      expect(taken.filter(Boolean)).toEqual([true]);
      expect(text(await state.get("a"))).toBe(values[taken.indexOf(true)]);
      expect(await state.putIfAbsent("a", bytes("late"))).toBe(false);
      await state.delete("a");
      expect(await state.putIfAbsent("a", bytes("again"))).toBe(true);
      expect((await state.list("")).map(([key]) => key)).toEqual(["a"]);
    });

    it("has nothing under a key that was not put, or was deleted", async () => {
      expect(await state.get("a")).toBeUndefined();
      await state.put("a", bytes("x"));
      await state.delete("a");
      await state.delete("a");
      expect(await state.get("a")).toBeUndefined();
      expect(await state.list("")).toEqual([]);
      state = await fixture.reopen();
      expect(await state.list("")).toEqual([]);
    });

    it("keeps what it was given, whatever becomes of the bytes", async () => {
      const value = bytes("abc");
      await state.put("a", value);
      value.fill("x");
      (await state.get("a"))!.fill(0);
      expect(text(await state.get("a"))).toBe("abc");
    });

    it("lists by prefix, in the order of the keys' bytes", async () => {
      for (const key of ["key/b", "key/a", "key/ü", "key", "kez", "project/a", "key/\u{1f600}", "key/\ufffd"])
        await state.put(key, bytes(key));
      const keys = async (prefix: string) => (await state.list(prefix)).map(([key]) => key);
      expect(await keys("key/")).toEqual(["key/a", "key/b", "key/ü", "key/\ufffd", "key/\u{1f600}"]);
      expect(await keys("key")).toEqual(["key", ...(await keys("key/"))]);
      expect(await keys("")).toHaveLength(8);
      expect((await state.list("kez")).map(([key, value]) => [key, text(value)])).toEqual([["kez", "kez"]]);
    });

    it("lists many", async () => {
      const keys = Array.from({ length: 600 }, (_, i) => `key/${String(i).padStart(3, "0")}`);
      await Promise.all(keys.map((key) => state.put(key, bytes(key))));
      expect((await state.list("key/")).map(([key]) => key)).toEqual(keys);
    });

    it("takes keys and values up to their limits, and none beyond", async () => {
      const key = "k".repeat(maxStateKeyBytes);
      await state.put(key, new Uint8Array(maxStateValueBytes));
      expect(await state.get(key)).toHaveLength(maxStateValueBytes);
      await expect(state.put(`${key}k`, bytes("x"))).rejects.toThrow(RangeError);
      await expect(state.put("", bytes("x"))).rejects.toThrow(RangeError);
      await expect(state.put("k", new Uint8Array(maxStateValueBytes + 1))).rejects.toThrow(RangeError);
    });
  });
}
