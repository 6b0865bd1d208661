import { describe, expect, test } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { createTokenCodec } from "../../src/visibility/token.ts";
import { createVisibility } from "../../src/visibility/visibility.ts";

const secret = Buffer.from("a secret of some length");
const never = new AbortController().signal;
const soon = () => Date.now() + 60_000;

function fixture(positions: number[], more: { refresh?: () => Promise<void> } = {}) {
  const listeners = new Set<() => void>();
  const visibility = createVisibility({
    secret,
    logId: "log-1",
    applied: {
      positions: () => positions,
      onApplied(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
    ...more,
  });
  const advance = (partition: number, offset: number) => {
    positions[partition] = offset;
    for (const listener of [...listeners]) listener();
  };
  return { visibility, advance, listeners };
}

describe("a visibility token", () => {
  const codec = createTokenCodec(secret, "log-1");
  const token = codec.encode(
    "shop",
    new Map([
      [0, 5],
      [7, 2 ** 40],
    ]),
  );

  test("carries positions beyond 32 bits", () => {
    expect([...codec.decode(token, "shop")]).toEqual([
      [0, 5],
      [7, 2 ** 40],
    ]);
  });

  test("is refused in another project, for another log, and under another secret", () => {
    expect(() => codec.decode(token, "other")).toThrow(/another project/);
    expect(() => createTokenCodec(secret, "log-2").decode(token, "shop")).toThrow(/another log/);
    expect(() => createTokenCodec(Buffer.from("x"), "log-1").decode(token, "shop")).toThrow(/was changed/);
  });

  test("is refused with any byte changed, and where it is no token at all", () => {
    const bytes = Buffer.from(token, "base64url");
    for (let i = 0; i < bytes.length; i++) {
      const changed = Buffer.from(bytes);
      changed[i] = changed[i]! ^ 1;
      expect(() => codec.decode(changed.toString("base64url"), "shop")).toThrow(/min_visibility/);
    }
    for (const nonsense of ["x", "====", "A".repeat(100_000)]) {
      expect(() => codec.decode(nonsense, "shop")).toThrow(/min_visibility/);
    }
  });
});

describe("waiting for visibility", () => {
  test("ends at once where everything is applied", async () => {
    const { visibility } = fixture([3, 3]);
    await visibility.waitFor(new Map([[0, 3]]), { deadline: soon(), signal: never });
  });

  test("ends when the last of several tokens is reached, and leaves no listener", async () => {
    const { visibility, advance, listeners } = fixture([0, 0]);
    const tokens = [
      new Map([[0, 2]]),
      new Map([
        [0, 4],
        [1, 1],
      ]),
    ].map((p) => visibility.tokenFor("p", p));
    let done = false;
    const wait = visibility.waitForTokens(tokens, "p", { deadline: soon(), signal: never }).then(() => {
      done = true;
    });
    advance(0, 3);
    advance(1, 1);
    await Promise.resolve();
    expect(done).toBe(false);
    advance(0, 4);
    await wait;
    expect(listeners.size).toBe(0);
  });

  test("does not go by positions from before the call, where they can go back", async () => {
    const positions = [5];
    const wait = { deadline: soon(), signal: never };
    const { visibility, advance, listeners } = fixture(positions, {
      refresh: async () => {
        positions[0] = Math.min(positions[0]!, 2);
      },
    });
    await visibility.waitFor(new Map([[0, 2]]), wait);
    let done = false;
    const waiting = visibility.waitFor(new Map([[0, 3]]), wait).then(() => {
      done = true;
    });
    await new Promise((resolve) => setImmediate(resolve));
    expect(done).toBe(false);
    advance(0, 3);
    await waiting;
    expect(listeners.size).toBe(0);
  });

  test("looks again where a look fails, and takes nothing for visible until one succeeds", async () => {
    let looks = 0;
    const refresh = async () => {
      if (++looks < 3) throw new Error("no answer");
    };
    const { visibility } = fixture([3], { refresh });
    await visibility.waitFor(new Map([[0, 3]]), { deadline: soon(), signal: never });
    expect(looks).toBe(3);
  });

  test("is DEADLINE_EXCEEDED with NOT_YET_VISIBLE past the deadline", async () => {
    const { visibility, listeners } = fixture([0]);
    const wait = visibility.waitFor(new Map([[0, 1]]), { deadline: Date.now(), signal: never });
    await expect(wait).rejects.toMatchObject({ code: "DEADLINE_EXCEEDED", reason: "NOT_YET_VISIBLE" });
    expect(listeners.size).toBe(0);
  });

  test("is NOT_YET_VISIBLE too where the call's own deadline ends it first", async () => {
    const { visibility } = fixture([0]);
    const call = new AbortController();
    const wait = visibility.waitFor(new Map([[0, 1]]), { deadline: soon(), signal: call.signal });
    call.abort(new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", "the deadline passed"));
    await expect(wait).rejects.toMatchObject({ reason: "NOT_YET_VISIBLE" });
  });

  test("is CANCELLED when the caller goes away", async () => {
    const { visibility } = fixture([0]);
    const caller = new AbortController();
    const wait = visibility.waitFor(new Map([[0, 1]]), { deadline: soon(), signal: caller.signal });
    caller.abort();
    await expect(wait).rejects.toMatchObject({ code: "CANCELLED" });
  });
});
