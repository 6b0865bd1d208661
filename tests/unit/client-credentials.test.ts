import { inspect } from "node:util";
import { Code, ConnectError, createRouterTransport } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import { AnalyticsService, createWeirClientOver, type WeirClientOptions } from "../../client/core/index.ts";
import { fakeEnvironment } from "../support/client-environment.ts";

/** A client, and what its server was shown; `answer` may throw. */
function weirWith(options: WeirClientOptions, answer: (shown: string, attempt: number) => void = () => {}) {
  const environment = fakeEnvironment();
  const shown: string[] = [];
  const see = (headers: Headers) => {
    const one = headers.get("authorization") ?? headers.get("x-api-key") ?? "nothing";
    shown.push(one);
    answer(one, shown.length);
  };
  const transport = createRouterTransport((router) => {
    router.service(AnalyticsService, {
      getAnalyticsSummary: (_, { requestHeader }) => {
        see(requestHeader);
        return {};
      },
      async *tailEvents(_, { requestHeader }) {
        see(requestHeader);
        yield {};
      },
    });
  });
  const weir = createWeirClientOver(transport, { environment, ...options });
  return { weir, environment, shown, ask: () => weir.analytics.getAnalyticsSummary({}) };
}

/** Tokens t-1, t-2 …, each good for `lifeMs`. */
function provider(environment: { now(): number }, lifeMs?: number) {
  let given = 0;
  return {
    get given() {
      return given;
    },
    token: async () => {
      const token = `t-${++given}`;
      return lifeMs === undefined ? token : { token, expiresAt: environment.now() + lifeMs };
    },
  };
}

const secret = "weir_0123456789";
/** What no header can carry. */
const unsendable = [`x\n${secret}`, `${secret}\u0000y`, `${secret}\u001b`, `${secret}€`, `\u0007${secret}`];

const refuse = (code: Code) => () => {
  throw new ConnectError("no", code);
};

describe("a token provider", () => {
  it("is asked once for all calls, and its token sent as a bearer's", async () => {
    const tokens = provider(fakeEnvironment());
    const { weir, shown, ask } = weirWith({ token: tokens.token });
    await Promise.all([ask(), ask(), ask()]);
    for await (const _ of weir.analytics.tailEvents({})) break;
    expect(shown).toEqual(Array(4).fill("Bearer t-1"));
    expect(tokens.given).toBe(1);
  });

  it.each([
    [3_600_000, 3_600_000 - 30_000],
    [60_000, 54_000],
  ])("is asked again shortly before a token of %d ms ends, after %d ms", async (lifeMs, renewedAfterMs) => {
    const environment = fakeEnvironment();
    const { shown, ask } = weirWith({ token: provider(environment, lifeMs).token, environment });
    await ask();
    environment.advance(renewedAfterMs - 1);
    await ask();
    environment.advance(1);
    await ask();
    expect(shown).toEqual(["Bearer t-1", "Bearer t-1", "Bearer t-2"]);
  });

  it("is asked again by the next call after the server has refused its token, which is not tried again", async () => {
    const { shown, ask } = weirWith({ token: provider(fakeEnvironment()).token }, (one) => {
      if (one === "Bearer t-1") refuse(Code.Unauthenticated)();
    });
    await expect(ask()).rejects.toMatchObject({ code: Code.Unauthenticated });
    await ask();
    expect(shown).toEqual(["Bearer t-1", "Bearer t-2"]);
  });

  it("is asked again by the next stream after one that was refused, or ended, for its token", async () => {
    const { weir, shown } = weirWith({ token: provider(fakeEnvironment()).token }, (one) => {
      if (one === "Bearer t-1") refuse(Code.Unauthenticated)();
    });
    const tail = async () => {
      for await (const _ of weir.analytics.tailEvents({}));
    };
    await expect(tail()).rejects.toMatchObject({ code: Code.Unauthenticated });
    await tail();
    await tail();
    expect(shown).toEqual(["Bearer t-1", "Bearer t-2", "Bearer t-2"]);
  });

  it.each(unsendable)(
    "that gives %j is neither believed nor tried again, and the token not shown",
    async (token) => {
      const { environment, shown, ask } = weirWith({ token: () => token });
      const error = await ask().catch((thrown: unknown) => thrown);
      expect(error).toMatchObject({ code: Code.Unauthenticated });
      expect(inspect(error)).not.toContain(secret);
      expect([shown, environment.slept]).toEqual([[], []]);
    },
  );

  it("may give a token with the newline of its file", async () => {
    const { shown, ask } = weirWith({ token: () => "t\r\n" }, (one) => {
      if (one !== "Bearer t") refuse(Code.Unauthenticated)();
    });
    await ask();
    expect(shown).toEqual(["Bearer t"]);
  });

  it("that fails is asked again as after any lost connection", async () => {
    let asked = 0;
    const token = () => {
      if (++asked < 3) throw new Error("the provider is away");
      return "late";
    };
    const { shown, environment, ask } = weirWith({ token });
    await ask();
    expect(shown).toEqual(["Bearer late"]);
    expect(environment.slept).toHaveLength(2);
    const never = weirWith({ token: () => Promise.reject(new Error("gone")), retry: { maxAttempts: 2 } });
    await expect(never.ask()).rejects.toMatchObject({
      code: Code.Unavailable,
      rawMessage: "no token can be had: gone",
    });
    expect(never.shown).toEqual([]);
  });

  it("that never answers holds up neither a caller who leaves nor one whose time is up", async () => {
    const { weir } = weirWith({ token: () => new Promise(() => {}) });
    const leaving = new AbortController();
    const left = weir.analytics.getAnalyticsSummary({}, { signal: leaving.signal });
    leaving.abort();
    await expect(left).rejects.toMatchObject({ code: Code.Canceled });
    const late = weirWith({ token: () => new Promise(() => {}), retry: { maxAttempts: 1 } });
    await expect(late.weir.analytics.getAnalyticsSummary({}, { timeoutMs: 20 })).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
  });

  it("and a key at once are refused", () => {
    expect(() => weirWith({ token: () => "t", apiKey: "k" })).toThrow(/^apiKey and token: one of them/);
  });
});

describe("a key", () => {
  it.each(unsendable)("%j is refused when the client is made, without being shown", (apiKey) => {
    const thrown = (() => {
      try {
        return weirWith({ apiKey });
      } catch (error) {
        return error;
      }
    })();
    expect(thrown).toBeInstanceOf(TypeError);
    expect(inspect(thrown)).toMatch(/apiKey must be text of printable ASCII/);
    expect(inspect(thrown)).not.toContain(secret);
  });

  it("is sent without the newline of its file", async () => {
    const { shown, ask } = weirWith({ apiKey: "key\n" });
    await ask();
    expect(shown).toEqual(["key"]);
  });

  it("that stands among the headers is not shown either", async () => {
    const headers = { "x-api-key": `${secret}\nx` };
    expect(() => weirWith({ headers })).toThrow(/^headers hold a name or value that cannot be sent$/);
    const { weir, environment } = weirWith({});
    const error = await weir.analytics
      .getAnalyticsSummary({}, { headers })
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ code: Code.InvalidArgument });
    expect(inspect(error)).not.toContain(secret);
    expect(environment.slept).toEqual([]);
  });
});

describe("a call", () => {
  it("may bring a key of its own", async () => {
    const { weir, shown } = weirWith({ apiKey: "key" });
    await weir.analytics.getAnalyticsSummary({});
    await weir.analytics.getAnalyticsSummary({}, { headers: { "x-api-key": "own" } });
    await weir.analytics.getAnalyticsSummary({}, { headers: { authorization: "Bearer own" } });
    expect(shown).toEqual(["key", "own", "Bearer own"]);
  });

  it.each([Code.Unauthenticated, Code.PermissionDenied])(
    "that is refused for its key (%i) is never tried again",
    async (code) => {
      const { shown, ask } = weirWith({ apiKey: "key" }, refuse(code));
      await expect(ask()).rejects.toMatchObject({ code });
      expect(shown).toHaveLength(1);
    },
  );

  it("that is beyond a limit is tried again", async () => {
    const { shown, ask } = weirWith({ apiKey: "key" }, (_, attempt) => {
      if (attempt === 1) refuse(Code.ResourceExhausted)();
    });
    await ask();
    expect(shown).toHaveLength(2);
  });
});
