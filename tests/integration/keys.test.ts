import { hash } from "node:crypto";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createKeyAuthenticator } from "../../src/auth/authenticator.ts";
import { type Keys, openKeys } from "../../src/auth/keys.ts";
import { openProjects } from "../../src/auth/projects.ts";
import { WeirError } from "../../src/domain/errors.ts";
import { createLevelState } from "../../src/state/level/level.ts";
import type { StateStore } from "../../src/state/state.ts";
import { sharedState } from "../support/keys.ts";
import { type TemporaryLog, temporaryLog } from "../support/log.ts";

let temporary: TemporaryLog;
let state: StateStore;
const opened: { close(): Promise<void> }[] = [];
let nowMs = 1_700_000_000_000;

beforeEach(async () => {
  nowMs = 1_700_000_000_000;
  temporary = await temporaryLog();
  state = createLevelState(temporary.database);
});
afterEach(async () => {
  for (const one of opened.splice(0)) await one.close();
  await temporary.remove();
});

const now = () => nowMs;
const warnings: string[] = [];
const warn = (_: unknown, message: string) => void warnings.push(message);

async function keysOf(shared: StateStore = state, maxKeys = 1000): Promise<Keys> {
  const keys = await openKeys({ state: shared, now, warn, maxKeys });
  opened.push(keys);
  return keys;
}

/** Why credentials are refused; undefined where they are taken. */
function refusal(keys: Keys, credentials: { key?: string; browserKey?: string; origin?: string }) {
  try {
    void createKeyAuthenticator({ keys, now }).authenticate(credentials);
    return undefined;
  } catch (error) {
    return (error as WeirError).reason;
  }
}

describe("a key", () => {
  it("says whose call it is, until it expires or is revoked, for ever", async () => {
    const keys = await keysOf();
    const request = { name: "n", project: "shop", scopes: ["query"] as const, expiresMs: nowMs + 1000 };
    const { key, secret } = await keys.create(request);
    expect(createKeyAuthenticator({ keys, now }).authenticate({ key: secret })).toMatchObject({
      project: "shop",
      keyId: key.id,
    });
    nowMs += 1000;
    expect(refusal(keys, { key: secret })).toBe("EXPIRED_KEY");
    const other = await keys.create({ name: "n", project: "shop", scopes: ["query"] });
    await keys.revoke("shop", other.key.id);
    expect(refusal(keys, { key: other.secret })).toBe("REVOKED_KEY");
    const reopened = await keysOf();
    expect(refusal(reopened, { key: other.secret })).toBe("REVOKED_KEY");
    expect(refusal(reopened, { key: secret })).toBe("EXPIRED_KEY");
  });

  it("is kept as its hash alone", async () => {
    const { secret, key } = await (await keysOf()).create({
      name: "n",
      project: "default",
      scopes: ["ingest"],
    });
    const kept = (await state.list("")).map(([name, bytes]) => `${name} ${Buffer.from(bytes)}`).join("\n");
    expect(kept).toContain(key.id);
    expect(kept).not.toContain(secret);
    expect(kept).not.toContain(secret.slice(key.prefix.length));
    expect(secret.startsWith(key.prefix)).toBe(true);
  });

  it("of pages is taken from its origins however they were written, and from none that no page can have", async () => {
    const keys = await keysOf();
    const request = { name: "n", project: "shop", scopes: ["ingest"] as const };
    const origins = ["https://A.example:443", "https://a.example", "https://exämple.de", "http://[::1]:80"];
    const { key, secret } = await keys.create({ ...request, origins });
    expect(key.origins).toEqual(["https://a.example", "https://xn--exmple-cua.de", "http://[::1]"]);
    for (const origin of key.origins) expect(refusal(keys, { key: secret, origin })).toBeUndefined();
    for (const origin of [
      "https://*.example",
      "https://user:pw@a.example",
      "https://a.example:99999",
      "a.example",
    ]) {
      await expect(keys.create({ ...request, origins: ["*", origin] }), origin).rejects.toMatchObject({
        code: "INVALID_ARGUMENT",
        violations: [{ field: "allowed_origins[1]" }],
      });
    }
  });

  it("of one project is not there for another", async () => {
    const keys = await keysOf();
    const { key, secret } = await keys.create({ name: "n", project: "a", scopes: ["query"] });
    await expect(keys.revoke("b", key.id)).rejects.toMatchObject({ code: "NOT_FOUND" });
    expect(keys.list("b")).toEqual([]);
    expect(refusal(keys, { key: secret })).toBeUndefined();
  });

  it("is known by the whole of its hash, not by the part by which it is looked up", async () => {
    const { secret, key } = await (await keysOf()).create({ name: "n", project: "a", scopes: ["query"] });
    const stored = JSON.parse(Buffer.from((await state.get(`keys/${key.id}`))!).toString());
    const digest = Buffer.from(stored.digest, "base64");
    expect(digest).toEqual(hash("sha256", secret, "buffer"));
    digest[digest.length - 1]! ^= 1;
    const nearly = { ...stored, digest: digest.toString("base64") };
    await state.put(`keys/${key.id}`, Buffer.from(JSON.stringify(nearly)));
    expect(refusal(await keysOf(), { key: secret })).toBe("UNKNOWN_KEY");
  });

  it("is checked without asking the state", async () => {
    let asked = 0;
    const counted = Object.fromEntries(
      Object.entries(state).map(([name, ask]) => [
        name,
        (...args: unknown[]) => {
          asked++;
          return (ask as (...args: unknown[]) => unknown)(...args);
        },
      ]),
    ) as unknown as StateStore;
    const keys = await keysOf(counted);
    const { secret } = await keys.create({ name: "n", project: "a", scopes: ["query"] });
    const before = asked;
    expect(before).toBeGreaterThan(0);
    // All in one turn, so that no look for changes comes between.
    for (const key of [secret, `${secret}x`, "weir_nobodys"])
      for (let i = 0; i < 100; i++) refusal(keys, { key });
    expect(asked).toBe(before);
  });

  it("that cannot be read whole allows nothing, and is told of", async () => {
    const { secret, key } = await (await keysOf()).create({
      name: "n",
      project: "default",
      scopes: ["ingest"],
    });
    const stored = JSON.parse(Buffer.from((await state.get(`keys/${key.id}`))!).toString());
    for (const broken of [
      { ...stored, scopes: ["root"] },
      { ...stored, project: "" },
      { ...stored, expiresMs: 865_000_000_000_000 },
      { ...stored, digest: "" },
      7,
    ]) {
      await state.put(`keys/${key.id}`, Buffer.from(JSON.stringify(broken)));
      warnings.length = 0;
      expect(refusal(await keysOf(), { key: secret })).toBe("UNKNOWN_KEY");
      expect(warnings).toEqual(["an entry of the shared state cannot be read and is left out"]);
    }
  });

  it("that ended first makes room where there are as many as may be, and is unknown from then on", async () => {
    const keys = await keysOf(state, 3);
    const create = (more: { expiresMs?: number } = {}) =>
      keys.create({ name: "n", project: "a", scopes: ["ingest"], ...more });
    const [expired, revoked] = [await create({ expiresMs: nowMs + 10 }), await create()];
    nowMs += 5;
    await keys.revoke("a", revoked.key.id);
    nowMs += 5;
    const kept = [await create(), await create()];
    const refusals = (of: Keys) =>
      [revoked, expired, ...kept].map(({ secret }) => refusal(of, { key: secret }));
    expect(refusals(keys)).toEqual(["UNKNOWN_KEY", "EXPIRED_KEY", undefined, undefined]);
    await create();
    expect(refusals(keys)).toEqual(["UNKNOWN_KEY", "UNKNOWN_KEY", undefined, undefined]);
    expect(refusals(await keysOf())).toEqual(refusals(keys));
    await expect(create()).rejects.toMatchObject({ reason: "TOO_MANY_KEYS" });
    expect(keys.list("a")).toHaveLength(3);
  });

  it("is one of a bounded number for each project", async () => {
    const keys = await keysOf(state, 2);
    const create = (project: string) => keys.create({ name: "n", project, scopes: ["ingest"] });
    await create("a");
    await create("a");
    await expect(create("a")).rejects.toMatchObject({ code: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_KEYS" });
    await create("b");
    expect(keys.list("a")).toHaveLength(2);
  });
});

describe("a browser key", () => {
  const origins = ["https://shop.example"];
  const create = async () => {
    const keys = await keysOf();
    const { secret } = await keys.create({ name: "web", project: "default", scopes: ["ingest"], origins });
    return { keys, secret };
  };

  it("has no scope but ingest", async () => {
    const keys = await keysOf();
    const request = { name: "web", project: "default", scopes: ["ingest", "query"] as const, origins };
    await expect(keys.create(request)).rejects.toMatchObject({ code: "INVALID_ARGUMENT" });
  });

  it("is taken from its origins alone, in the header and in the query", async () => {
    const { keys, secret } = await create();
    for (const sent of [{ key: secret }, { browserKey: secret }]) {
      expect(refusal(keys, { ...sent, origin: "https://shop.example" })).toBeUndefined();
      expect(refusal(keys, { ...sent, origin: "https://SHOP.example" })).toBeUndefined();
      expect(refusal(keys, { ...sent, origin: "https://evil.example" })).toBe("KEY_ORIGIN");
      expect(refusal(keys, { ...sent, origin: "null" })).toBe("KEY_ORIGIN");
      expect(refusal(keys, sent)).toBe("KEY_ORIGIN");
    }
  });

  it("is the only key that is taken from the query, and a program's key is taken from no page", async () => {
    const { keys } = await create();
    const { secret } = await keys.create({ name: "server", project: "default", scopes: ["ingest"] });
    expect(refusal(keys, { key: secret })).toBeUndefined();
    expect(refusal(keys, { browserKey: secret })).toBe("NO_BROWSER_KEY");
    expect(refusal(keys, { key: secret, origin: "https://shop.example" })).toBe("KEY_ORIGIN");
  });

  it("has its origins' preflights answered, while it lives", async () => {
    const { keys } = await create();
    expect(keys.allowsOrigin("https://shop.example")).toBe(true);
    expect(keys.allowsOrigin("https://evil.example")).toBe(false);
    await keys.revoke("default", keys.list("default")[0]!.id);
    expect(keys.allowsOrigin("https://shop.example")).toBe(false);
  });
});

describe("the operator's own key", () => {
  const secret = "an-operators-secret-of-his-own";

  it("is a platform key of project default, and ends as another takes its place", async () => {
    const keys = await keysOf();
    await keys.bootstrap(secret);
    expect(keys.find(secret)).toMatchObject({
      id: expect.stringMatching(/^bootstrap-[0-9a-f]{8}$/),
      project: "default",
      scopes: ["admin", "platform"],
    });
    await keys.bootstrap(`${secret}-2`);
    expect(refusal(keys, { key: secret })).toBe("EXPIRED_KEY");
    expect(refusal(keys, { key: `${secret}-2` })).toBeUndefined();
    await keys.bootstrap(secret);
    expect(refusal(keys, { key: secret })).toBeUndefined();
    expect(refusal(keys, { key: `${secret}-2` })).toBe("EXPIRED_KEY");
  });

  it("stays revoked, whoever starts again with it", async () => {
    const keys = await keysOf();
    await keys.bootstrap(secret);
    await keys.revoke("default", keys.find(secret)!.id);
    await keys.bootstrap(secret);
    expect(refusal(keys, { key: secret })).toBe("REVOKED_KEY");
  });

  it("makes no room for others once it is revoked, since it would live again", async () => {
    const keys = await keysOf(state, 1);
    await keys.bootstrap(secret);
    await keys.revoke("default", keys.find(secret)!.id);
    const request = { name: "n", project: "default", scopes: ["ingest"] as const };
    await expect(keys.create(request)).rejects.toMatchObject({ reason: "TOO_MANY_KEYS" });
    await keys.bootstrap(secret);
    expect(refusal(keys, { key: secret })).toBe("REVOKED_KEY");
  });

  it("stays revoked when another one took its place in between", async () => {
    const keys = await keysOf();
    await keys.bootstrap(secret);
    await keys.revoke("default", keys.find(secret)!.id);
    await keys.bootstrap(`${secret}-2`);
    expect(refusal(keys, { key: `${secret}-2` })).toBeUndefined();
    const reopened = await keysOf();
    await reopened.bootstrap(secret);
    expect(refusal(reopened, { key: secret })).toBe("REVOKED_KEY");
    expect(refusal(reopened, { key: `${secret}-2` })).toBe("EXPIRED_KEY");
  });
});

describe("processes that share the state", () => {
  it("follow each other's keys within a second", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const shared = sharedState();
      const [one, two] = [await keysOf(shared), await keysOf(shared)];
      const { key, secret } = await one.create({ name: "n", project: "default", scopes: ["ingest"] });
      expect(refusal(two, { key: secret })).toBe("UNKNOWN_KEY");
      await vi.advanceTimersByTimeAsync(500);
      expect(refusal(two, { key: secret })).toBeUndefined();
      await two.revoke("default", key.id);
      expect(refusal(two, { key: secret })).toBe("REVOKED_KEY");
      // The other half of the second is for what lies between the processes.
      await vi.advanceTimersByTimeAsync(500);
      expect(refusal(one, { key: secret })).toBe("REVOKED_KEY");
    } finally {
      vi.useRealTimers();
    }
  });

  it("follow a revocation that failed once it was written, as soon as it is asked for again", async () => {
    vi.useFakeTimers({ toFake: ["setInterval", "clearInterval"] });
    try {
      const shared = sharedState();
      let failing = false;
      const broken: StateStore = {
        ...shared,
        put: async (key, value) => {
          if (failing && key === "changed/keys/") throw new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", "no");
          await shared.put(key, value);
        },
      };
      const [one, two] = [await keysOf(broken), await keysOf(shared)];
      const { key, secret } = await one.create({ name: "n", project: "default", scopes: ["ingest"] });
      await vi.advanceTimersByTimeAsync(500);
      failing = true;
      await expect(one.revoke("default", key.id)).rejects.toMatchObject({ code: "UNAVAILABLE" });
      failing = false;
      await vi.advanceTimersByTimeAsync(500);
      expect(refusal(two, { key: secret })).toBeUndefined();
      await one.revoke("default", key.id);
      await vi.advanceTimersByTimeAsync(500);
      expect(refusal(two, { key: secret })).toBe("REVOKED_KEY");
    } finally {
      vi.useRealTimers();
    }
  });

  it("follow each other's projects", async () => {
    const shared = sharedState();
    const open = () => openProjects({ state: shared, now, warn });
    const [one, two] = [await open(), await open()];
    opened.push(one, two);
    await one.create("shop", "Shop");
    await expect(two.create("shop", "Other")).rejects.toBeInstanceOf(WeirError);
    await two.update("shop", { retentionDays: 30, limits: { eventsPerSecond: 5 } });
    await vi.waitFor(() => expect(one.get("shop")?.settings.retentionDays).toBe(30), {
      timeout: 1000,
      interval: 20,
    });
    expect(one.list().map(({ id }) => id)).toEqual(["default", "shop"]);
  });

  it("set a project up before they know of it, and leave its name and its age as they are", async () => {
    const shared = sharedState();
    const open = () => openProjects({ state: shared, now, warn });
    const [one, two] = [await open(), await open()];
    opened.push(one, two);
    const { createdMs } = await one.create("shop", "Shop GmbH");
    expect(await two.find("shop")).toMatchObject({ name: "Shop GmbH", createdMs });
    nowMs += 1000;
    const settings = { retentionDays: 30, limits: { eventsPerSecond: 5 } };
    await two.update("shop", settings);
    const three = await open();
    opened.push(three);
    for (const of of [two, three])
      expect(of.get("shop")).toEqual({ id: "shop", name: "Shop GmbH", createdMs, settings });
  });
});
