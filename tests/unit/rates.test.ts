import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { CallKind } from "../../src/auth/auth.ts";
import { createBucket } from "../../src/auth/bucket.ts";
import { createRates, type RatesOptions } from "../../src/auth/rates.ts";
import { Scope } from "../../src/contract/options.ts";
import type { WeirError } from "../../src/domain/errors.ts";
import type { RateLimits } from "../../src/domain/rate-limits.ts";

describe("a bucket", () => {
  it("gives what its rate and its burst allow, and what the last request takes beyond, whoever asks", () => {
    const asks = fc.array(fc.record({ afterMs: fc.nat(5000), amount: fc.integer({ min: 1, max: 50 }) }));
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 100 }), asks, (rate, all) => {
        const bucket = createBucket(2000);
        let nowMs = 1000;
        let given = 0;
        let greatest = 0;
        for (const { afterMs, amount } of all) {
          nowMs += afterMs;
          if (bucket.delayMs(rate, nowMs) > 0) continue;
          bucket.take(amount, rate, nowMs);
          given += amount;
          greatest = Math.max(greatest, amount);
        }
        const allowed = rate * 2 + (rate * (nowMs - 1000)) / 1000 + greatest;
        expect(given).toBeLessThanOrEqual(allowed + 1e-6);
      }),
    );
  });

  it("says when something is in it again, and no sooner", () => {
    const bucket = createBucket(1000);
    bucket.take(30, 10, 0);
    const delay = bucket.delayMs(10, 0);
    expect(delay).toBe(2001);
    expect(bucket.delayMs(10, delay - 1)).toBeGreaterThan(0);
    expect(bucket.delayMs(10, delay)).toBe(0);
  });

  it("is not filled by a clock that is set back", () => {
    const bucket = createBucket(1000);
    bucket.take(30, 10, 5000);
    bucket.delayMs(10, 1000);
    expect(bucket.delayMs(10, 2000)).toBeGreaterThan(0);
  });
});

describe("rates", () => {
  let nowMs = 0;
  const rates = (perKey: RateLimits, options: Partial<RatesOptions> = {}) =>
    createRates({ now: () => nowMs, perKey, ofProject: () => undefined, burstMs: 1000, ...options });
  const key = (keyId: string, limits: RateLimits = {}) => ({
    project: "p",
    keyId,
    limits,
    scopes: new Set<never>(),
  });
  const refusal = (work: () => unknown) => {
    try {
      work();
      return undefined;
    } catch (error) {
      const { reason, retryDelayMs } = error as WeirError;
      return { reason, retryDelayMs };
    }
  };

  it("of one key leave others alone", () => {
    const all = rates({ requestsPerSecond: 2 });
    const enter = (id: string) => refusal(() => all.enter(key(id), "call", Scope.INGEST));
    expect([enter("loud"), enter("loud")]).toEqual([undefined, undefined]);
    expect(enter("loud")).toMatchObject({ reason: "RATE_LIMITED", retryDelayMs: expect.any(Number) });
    expect(enter("quiet")).toBeUndefined();
    nowMs += 501;
    expect(enter("loud")).toBeUndefined();
  });

  it("are the lower of the key's own and the server's", () => {
    const all = rates({ eventsPerSecond: 10 });
    for (const [limits, burst] of [
      [{ eventsPerSecond: 5 }, 5],
      [{ eventsPerSecond: 1000 }, 10],
      [{}, 10],
    ] as const) {
      const meter = all.enter(key(`${burst} ${JSON.stringify(limits)}`, limits), "call", Scope.INGEST);
      meter.events?.take(burst);
      expect(refusal(() => meter.events?.take(1))).toMatchObject({ reason: "RATE_LIMITED" });
    }
  });

  it("of a project count for all its keys together, as they stand now", () => {
    let ofProject: RateLimits | undefined = { eventsPerSecond: 10 };
    const all = rates({}, { ofProject: () => ofProject });
    all.enter(key("a"), "call", Scope.INGEST).events?.take(100);
    expect(refusal(() => all.enter(key("b"), "call", Scope.INGEST))).toMatchObject({
      reason: "RATE_LIMITED",
      retryDelayMs: 9001,
    });
    ofProject = undefined;
    expect(refusal(() => all.enter(key("b"), "call", Scope.INGEST))).toBeUndefined();
  });

  it("of a project that are set or lifted reach streams under way", () => {
    let ofProject: RateLimits | undefined;
    const all = rates({}, { ofProject: () => ofProject });
    const stream = all.enter(key("a"), "stream", Scope.INGEST);
    stream.events?.take(100);
    ofProject = { eventsPerSecond: 10, bytesPerSecond: 1000 };
    stream.events?.take(100);
    expect(stream.events?.delayMs()).toBe(9001);
    expect(refusal(() => all.enter(key("b"), "call", Scope.INGEST))).toMatchObject({ retryDelayMs: 9001 });
    ofProject = { eventsPerSecond: 100, bytesPerSecond: 1000 };
    expect(stream.events?.delayMs()).toBe(901);
    stream.bytes(5000);
    expect(stream.events?.delayMs()).toBe(4001);
    ofProject = undefined;
    expect(stream.events?.delayMs()).toBe(0);
    expect(refusal(() => stream.events?.take(1))).toBeUndefined();
  });

  it("of a project get back the places that they gave and no others, whatever is set or lifted meanwhile", () => {
    let ofProject: RateLimits | undefined;
    const all = rates({}, { ofProject: () => ofProject });
    const enter = (id: string) => all.enter(key(id), "stream", Scope.INGEST);
    const unlimited = enter("a");
    ofProject = { streams: 1 };
    const counted = enter("b");
    unlimited.events?.take(1);
    unlimited.leave();
    expect(refusal(() => enter("c"))).toMatchObject({ reason: "TOO_MANY_REQUESTS" });
    ofProject = undefined;
    counted.events?.take(1);
    counted.leave();
    counted.leave();
    ofProject = { streams: 1 };
    enter("d");
    expect(refusal(() => enter("e"))).toMatchObject({ reason: "TOO_MANY_REQUESTS" });
  });

  it("count bytes that came, and refuse the next request for them", () => {
    const all = rates({ bytesPerSecond: 1000 });
    const meter = all.enter(key("k"), "call", Scope.INGEST);
    meter.bytes(500);
    meter.bytes(1500);
    expect(refusal(() => all.enter(key("k"), "call", Scope.INGEST))).toEqual({
      reason: "RATE_LIMITED",
      retryDelayMs: 1001,
    });
  });

  it("of events and bytes hold up those who bring events, and no question or setting of the project", () => {
    const limits = { eventsPerSecond: 1, bytesPerSecond: 1024 };
    const all = rates({}, { ofProject: () => limits });
    const enter = (kind: CallKind, scope: Scope) => refusal(() => all.enter(key("k"), kind, scope));
    const asked = all.enter(key("k"), "query", Scope.QUERY);
    asked.bytes(1_000_000);
    expect(enter("call", Scope.INGEST)).toBeUndefined();
    all.enter(key("k"), "call", Scope.INGEST).events?.take(1000);
    expect(enter("call", Scope.INGEST)).toMatchObject({ reason: "RATE_LIMITED" });
    expect([enter("call", Scope.ADMIN), enter("query", Scope.QUERY), enter("stream", Scope.QUERY)]).toEqual([
      undefined,
      undefined,
      undefined,
    ]);
  });

  it("of a project's requests hold up nobody who administers it, whose own key's limit still counts", () => {
    const all = rates({ requestsPerSecond: 3 }, { ofProject: () => ({ requestsPerSecond: 3 }) });
    const enter = (id: string, scope: Scope) => refusal(() => all.enter(key(id), "call", scope))?.reason;
    for (const id of ["a", "b", "c"]) expect(enter(id, Scope.ADMIN)).toBeUndefined();
    for (const id of ["d", "e", "f"]) expect(enter(id, Scope.INGEST)).toBeUndefined();
    for (const scope of [Scope.INGEST, Scope.QUERY, Scope.ANY])
      expect(enter("g", scope)).toBe("RATE_LIMITED");
    const administering = [Scope.ADMIN, Scope.PLATFORM, Scope.ADMIN, Scope.PLATFORM];
    expect(administering.map((scope) => enter("h", scope))).toEqual([
      undefined,
      undefined,
      undefined,
      "RATE_LIMITED",
    ]);
  });

  it.each(["query", "stream"] as const)("bound what is under way: %s", (kind: CallKind) => {
    const all = rates({ streams: 2, queries: 2 });
    const [first] = [all.enter(key("k"), kind, Scope.INGEST), all.enter(key("k"), kind, Scope.INGEST)];
    expect(refusal(() => all.enter(key("k"), kind, Scope.INGEST))).toMatchObject({
      reason: "TOO_MANY_REQUESTS",
    });
    expect(refusal(() => all.enter(key("k"), "call", Scope.INGEST))).toBeUndefined();
    first.leave();
    first.leave();
    expect(refusal(() => all.enter(key("k"), kind, Scope.INGEST))).toBeUndefined();
    expect(refusal(() => all.enter(key("k"), kind, Scope.INGEST))).toMatchObject({
      reason: "TOO_MANY_REQUESTS",
    });
  });

  it("forget those who owe nothing, and nobody else", () => {
    const all = rates({ requestsPerSecond: 1 }, { maxRemembered: 10 });
    const enter = (id: string) => refusal(() => all.enter(key(id), "call", Scope.INGEST));
    enter("loud");
    for (let i = 0; i < 100; i++) {
      enter(`k-${i}`);
      expect(enter("loud")).toMatchObject({ reason: "RATE_LIMITED" });
    }
  });

  it("without limits cost a call nothing", () => {
    const meter = rates({}).enter(key("k"), "call", Scope.INGEST);
    expect(meter.events).toBeUndefined();
  });
});
