import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { Code, ConnectError, createRouterTransport, type HandlerContext } from "@connectrpc/connect";
import { describe, expect, it } from "vitest";
import {
  AdminService,
  AnalyticsService,
  createWeirClientOver,
  EventIngestionService,
  EventSchema,
  errorReason,
  ProducerService,
  type RetryNotice,
  type WeirClientOptions,
} from "../../client/core/index.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { fakeEnvironment } from "../support/client-environment.ts";

type Attempt = (attempt: number, context: HandlerContext) => void | Promise<void>;

/** A client whose server runs `onAttempt` first, which may throw; it records the ids and request ids that came. */
function weirWhere(onAttempt: Attempt, options: WeirClientOptions = {}, jitter = 1) {
  const environment = fakeEnvironment(jitter);
  const seen = {
    attempts: 0,
    ids: [] as string[],
    requestIds: [] as string[],
    timeouts: [] as (number | undefined)[],
  };
  const arrive = async (context: HandlerContext, ids: string[] = []) => {
    seen.attempts++;
    seen.ids.push(...ids);
    seen.requestIds.push(context.requestHeader.get("x-request-id") ?? "");
    seen.timeouts.push(context.timeoutMs());
    await onAttempt(seen.attempts, context);
    return {};
  };
  const transport = createRouterTransport((router) => {
    router.service(EventIngestionService, {
      ingestEvent: (request, context) => arrive(context, [request.event?.id ?? ""]),
      ingestEvents: (request, context) =>
        arrive(
          context,
          request.events.map((event) => event.id),
        ),
    });
    router.service(ProducerService, {
      sendEvent: (request, context) => arrive(context, [request.event?.id ?? ""]),
      sendEventAsync: (request, context) => arrive(context, [request.event?.id ?? ""]),
      sendBatchEvents: (request, context) =>
        arrive(
          context,
          request.events.map((event) => event.id),
        ),
    });
    router.service(AnalyticsService, { getAnalyticsSummary: (_request, context) => arrive(context) });
    router.service(AdminService, { createApiKey: (_request, context) => arrive(context) });
  });
  return { weir: createWeirClientOver(transport, { environment, ...options }), environment, seen };
}

const unavailable = () => new ConnectError("away", Code.Unavailable);

/** Fails the first `times` attempts. */
function failing(times: number, error: () => ConnectError = unavailable): Attempt {
  return (attempt) => {
    if (attempt <= times) throw error();
  };
}

describe("a call that fails", () => {
  it("is tried again after doubled delays until it succeeds", async () => {
    const { weir, environment, seen } = weirWhere(failing(3));
    await weir.analytics.getAnalyticsSummary({});
    expect(seen.attempts).toBe(4);
    expect(environment.slept).toEqual([100, 200, 400]);
  });

  it("outlasts a server that is started anew, by default", async () => {
    const { weir, environment, seen } = weirWhere(failing(9));
    await weir.analytics.getAnalyticsSummary({});
    expect(seen.attempts).toBe(10);
    expect(environment.slept.reduce((sum, ms) => sum + ms)).toBe(21_300);
  });

  it("waits a random share of each delay", async () => {
    const { weir, environment } = weirWhere(failing(2), {}, 0.25);
    await weir.analytics.getAnalyticsSummary({});
    expect(environment.slept).toEqual([25, 50]);
  });

  it("waits no longer than maxDelayMs and stops after maxAttempts, with the last failure", async () => {
    const retry = { maxAttempts: 5, baseDelayMs: 100, maxDelayMs: 250 };
    const { weir, environment, seen } = weirWhere(failing(9), { retry });
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject({ code: Code.Unavailable });
    expect(seen.attempts).toBe(5);
    expect(environment.slept).toEqual([100, 200, 250, 250]);
  });

  it("keeps its request id over all attempts", async () => {
    const { weir, seen } = weirWhere(failing(2));
    await weir.analytics.getAnalyticsSummary({}, { headers: { "x-request-id": "mine" } });
    await weir.analytics.getAnalyticsSummary({});
    expect(seen.requestIds).toEqual(["mine", "mine", "mine", "id-1"]);
  });

  it("tells each retry to onRetry", async () => {
    const notices: RetryNotice[] = [];
    const { weir } = weirWhere(failing(2), { onRetry: (notice) => notices.push(notice) });
    await weir.analytics.getAnalyticsSummary({});
    expect(notices.map(({ method, attempt, delayMs }) => [method.name, attempt, delayMs])).toEqual([
      ["GetAnalyticsSummary", 1, 100],
      ["GetAnalyticsSummary", 2, 200],
    ]);
  });

  it("is not tried again where onRetry throws", async () => {
    const onRetry = ({ error }: RetryNotice) => {
      throw error;
    };
    const { weir, seen } = weirWhere(failing(2), { onRetry });
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toThrow(ConnectError);
    expect(seen.attempts).toBe(1);
  });

  const transient = ["Unavailable", "ResourceExhausted", "DeadlineExceeded"] as const;
  it.each(transient)("is tried again on %s", async (code) => {
    const { weir, seen } = weirWhere(failing(1, () => new ConnectError("once", Code[code])));
    await weir.analytics.getAnalyticsSummary({});
    expect(seen.attempts).toBe(2);
  });

  it.each([
    "Unauthenticated",
    "PermissionDenied",
    "InvalidArgument",
    "NotFound",
    "FailedPrecondition",
    "Unimplemented",
    "Internal",
    "Unknown",
  ] as const)("is not tried again on %s", async (code) => {
    const { weir, seen } = weirWhere(failing(1, () => new ConnectError("always", Code[code])));
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject({ code: Code[code] });
    expect(seen.attempts).toBe(1);
  });

  it.each([
    ["BODY_TOO_LARGE", Code.ResourceExhausted],
    ["CREDIT_EXCEEDED", Code.ResourceExhausted],
    ["ROLE_NOT_HERE", Code.Unavailable],
  ])("is not tried again for the reason %s", async (reason, code) => {
    const detail = { desc: ErrorInfoSchema, value: { reason, domain: "weir" } };
    const refused = () => new ConnectError("no", code, undefined, [detail]);
    const { weir, seen } = weirWhere(failing(1, refused));
    const error = await weir.analytics.getAnalyticsSummary({}).catch((thrown: unknown) => thrown);
    expect(errorReason(error)).toBe(reason);
    expect(seen.attempts).toBe(1);
  });

  it("is not tried again where that could do something twice", async () => {
    const { weir, seen } = weirWhere(failing(1));
    await expect(weir.admin.createApiKey({})).rejects.toMatchObject({ code: Code.Unavailable });
    expect(seen.attempts).toBe(1);
  });
});

describe("a delay that the server asks for", () => {
  const asked = (value: MessageInitShape<typeof RetryInfoSchema>) => () =>
    new ConnectError("later", Code.ResourceExhausted, undefined, [{ desc: RetryInfoSchema, value }]);

  it("is kept by RetryInfo, with jitter on top", async () => {
    const { weir, environment } = weirWhere(
      failing(1, asked({ retryDelay: { seconds: 2n, nanos: 500_000_000 } })),
    );
    await weir.analytics.getAnalyticsSummary({});
    expect(environment.slept).toEqual([2_600]);
  });

  it.each([
    ["seconds", "3", 3_100],
    ["a date", "Mon, 01 Jan 2024 00:00:04 GMT", 4_100],
    ["a date in the past", "Mon, 01 Jan 2018 00:00:00 GMT", 100],
    ["nonsense", "soon", 100],
  ])("is kept by Retry-After in %s", async (_form, header, waited) => {
    const later = () => new ConnectError("later", Code.Unavailable, { "retry-after": header });
    const { weir, environment } = weirWhere(failing(1, later));
    await weir.analytics.getAnalyticsSummary({});
    expect(environment.slept).toEqual([waited]);
  });

  it("ends the call at once where the deadline comes before it", async () => {
    const { weir, environment } = weirWhere(failing(1, asked({ retryDelay: { seconds: 30n } })));
    const call = weir.analytics.getAnalyticsSummary({}, { timeoutMs: 10_000 });
    await expect(call).rejects.toMatchObject({ code: Code.ResourceExhausted });
    expect(environment.slept).toEqual([]);
  });
});

describe("the deadline", () => {
  it("is the default of 30 s, and covers all attempts", async () => {
    const { weir, seen } = weirWhere(failing(2));
    await weir.analytics.getAnalyticsSummary({});
    expect(seen.timeouts.map((ms) => Math.ceil(ms! / 100) * 100)).toEqual([30_000, 29_900, 29_700]);
  });

  it("of the call goes before the client's", async () => {
    const { weir, seen } = weirWhere(failing(0), { timeoutMs: 7_000 });
    await weir.analytics.getAnalyticsSummary({});
    await weir.analytics.getAnalyticsSummary({}, { timeoutMs: 2_000 });
    expect(seen.timeouts.map((ms) => Math.ceil(ms! / 100) * 100)).toEqual([7_000, 2_000]);
  });

  it("is none with 0", async () => {
    const { weir, seen } = weirWhere(failing(0), { timeoutMs: 0 });
    await weir.analytics.getAnalyticsSummary({});
    expect(seen.timeouts).toEqual([undefined]);
  });

  it("once passed ends the call", async () => {
    const { weir, seen } = weirWhere((_attempt, context) => {
      return new Promise((_resolve, reject) =>
        context.signal.addEventListener("abort", () => reject(unavailable())),
      );
    });
    const slow = weir.analytics.getAnalyticsSummary({}, { timeoutMs: 20 });
    await expect(slow).rejects.toMatchObject({ code: Code.DeadlineExceeded });
    expect(seen.attempts).toBeGreaterThanOrEqual(1);
  });
});

describe("events", () => {
  it("get an id before the first attempt, the same for every attempt", async () => {
    const { weir, seen } = weirWhere(failing(1));
    await weir.ingestion.ingestEvent({ event: { userId: "u" } });
    expect(seen.ids).toEqual(["id-1", "id-1"]);
  });

  it("keep an id of their own", async () => {
    const { weir, seen } = weirWhere(failing(1));
    await weir.ingestion.ingestEvents({ events: [{ id: "a", userId: "u" }, { userId: "u" }] });
    expect(seen.ids).toEqual(["a", "id-1", "a", "id-1"]);
  });

  it.each([
    [
      "SendEvent",
      (weir: ReturnType<typeof weirWhere>["weir"]) => weir.producer.sendEvent({ event: { userId: "u" } }),
    ],
    [
      "SendEventAsync",
      (weir: ReturnType<typeof weirWhere>["weir"]) =>
        weir.producer.sendEventAsync({ event: { userId: "u" } }),
    ],
    [
      "SendBatchEvents",
      (weir: ReturnType<typeof weirWhere>["weir"]) =>
        weir.producer.sendBatchEvents({ events: [{ userId: "u" }] }),
    ],
  ])("of %s do too", async (_name, send) => {
    const { weir, seen } = weirWhere(failing(1));
    await send(weir);
    expect(seen.ids).toEqual(["id-1", "id-1"]);
  });

  it("of the caller are left as they are", async () => {
    const { weir } = weirWhere(failing(0));
    const event = create(EventSchema, { userId: "u", properties: { plan: "pro" } });
    await weir.ingestion.ingestEvents({ events: [event] });
    expect(event).toEqual(create(EventSchema, { userId: "u", properties: { plan: "pro" } }));
  });
});

describe("headers", () => {
  it("carry the key and the client's own, and the call's go before them", async () => {
    const seen: (string | null)[][] = [];
    const { weir } = weirWhere(
      (_attempt, { requestHeader }) => {
        seen.push([requestHeader.get("x-api-key"), requestHeader.get("x-team")]);
      },
      { apiKey: "secret", headers: { "x-team": "a" } },
    );
    await weir.analytics.getAnalyticsSummary({});
    await weir.analytics.getAnalyticsSummary({}, { headers: { "x-api-key": "other", "x-team": "b" } });
    expect(seen).toEqual([
      ["secret", "a"],
      ["other", "b"],
    ]);
  });
});

describe("a caller who cancels", () => {
  it("ends the attempt under way, and there is no other", async () => {
    const controller = new AbortController();
    const { weir, seen } = weirWhere((_attempt, context) => {
      controller.abort();
      return new Promise((_resolve, reject) =>
        context.signal.addEventListener("abort", () => reject(unavailable())),
      );
    });
    const call = weir.analytics.getAnalyticsSummary({}, { signal: controller.signal });
    await expect(call).rejects.toMatchObject({ code: Code.Canceled });
    expect(seen.attempts).toBe(1);
  });

  it("ends the wait between attempts", async () => {
    const controller = new AbortController();
    const { weir, seen } = weirWhere(failing(9), { onRetry: () => controller.abort() });
    const call = weir.analytics.getAnalyticsSummary({}, { signal: controller.signal });
    await expect(call).rejects.toMatchObject({ code: Code.Canceled });
    expect(seen.attempts).toBe(1);
  });

  it("before the call sends nothing", async () => {
    const { weir, seen } = weirWhere(failing(0));
    const call = weir.analytics.getAnalyticsSummary({}, { signal: AbortSignal.abort() });
    await expect(call).rejects.toMatchObject({ code: Code.Canceled });
    expect(seen.attempts).toBe(0);
  });

  it("ends everything by closing the client", async () => {
    const { weir } = weirWhere((_attempt, context) => {
      void weir.close();
      return new Promise((_resolve, reject) =>
        context.signal.addEventListener("abort", () => reject(unavailable())),
      );
    });
    const closed = { code: Code.Canceled, rawMessage: "the client is closed" };
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject(closed);
    await expect(weir.analytics.getAnalyticsSummary({})).rejects.toMatchObject(closed);
  });
});

describe("settings that make no sense", () => {
  it.each([
    [{ retry: { maxAttempts: 0 } }, "retry.maxAttempts"],
    [{ retry: { maxAttempts: 1.5 } }, "retry.maxAttempts"],
    [{ retry: { baseDelayMs: -1 } }, "retry.baseDelayMs"],
    [{ retry: { maxDelayMs: Number.NaN } }, "retry.maxDelayMs"],
    [{ timeoutMs: -1 }, "timeoutMs"],
  ])("%j is refused by name", (options, name) => {
    expect(() => weirWhere(failing(0), options)).toThrow(name);
  });
});
