import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type LevelDatabase, openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelState, maxStateKeyBytes, maxStateValueBytes } from "../../src/state/level/level.ts";
import type { StateStore } from "../../src/state/state.ts";
import { makeDirectory, removeDirectory } from "../support/level-log.ts";

let directory: string;
let database: LevelDatabase;
let state: StateStore;

beforeEach(async () => {
  directory = await makeDirectory();
  database = await openLevelDatabase({ directory });
  state = createLevelState(database);
});

afterEach(async () => {
  await database.close();
  await removeDirectory(directory);
});

const bytes = (text: string) => Buffer.from(text);
const text = (value: Uint8Array | undefined) => value && Buffer.from(value).toString();

describe("small state", () => {
  it("keeps what was put last, also after it was opened again", async () => {
    await state.put("secret/token", bytes("one"));
    await state.put("secret/token", bytes("two"));
    expect(text(await state.get("secret/token"))).toBe("two");
    await database.close();
    database = await openLevelDatabase({ directory });
    state = createLevelState(database);
    expect(text(await state.get("secret/token"))).toBe("two");
  });

  it("has nothing under a key that was not put, or was deleted", async () => {
    expect(await state.get("a")).toBeUndefined();
    await state.put("a", bytes("x"));
    await state.delete("a");
    await state.delete("a");
    expect(await state.get("a")).toBeUndefined();
    expect(await state.list("")).toEqual([]);
  });

  it("lists by prefix, in the order of the keys' bytes", async () => {
    for (const key of ["key/b", "key/a", "key/ü", "key", "kez", "project/a"])
      await state.put(key, bytes(key));
    const keys = async (prefix: string) => (await state.list(prefix)).map(([key]) => key);
    expect(await keys("key/")).toEqual(["key/a", "key/b", "key/ü"]);
    expect(await keys("key")).toEqual(["key", "key/a", "key/b", "key/ü"]);
    expect(await keys("")).toHaveLength(6);
    expect((await state.list("kez")).map(([key, value]) => [key, text(value)])).toEqual([["kez", "kez"]]);
  });

  it("lists more than a page", async () => {
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
