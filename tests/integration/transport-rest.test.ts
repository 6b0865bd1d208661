import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { curl } from "../support/curl.ts";
import { http2Request } from "./transport-clients.ts";
import { startPort, type TestPort } from "./transport-support.ts";

let port: TestPort;
beforeAll(async () => {
  port = await startPort();
});
afterAll(() => port.transport.close(1000));

const post = (path: string, body: unknown, headers: Record<string, string> = {}) =>
  fetch(port.url + path, {
    method: "POST",
    headers: { "content-type": "application/json", ...headers },
    body: typeof body === "string" || body instanceof Uint8Array ? (body as never) : JSON.stringify(body),
  });
const lastRequest = () => port.seen.calls.at(-1)!.request as Record<string, unknown>;

describe("a request", () => {
  test("is taken with snake_case and with lowerCamelCase", async () => {
    for (const body of [
      { event: { user_id: "u", event_type: "EVENT_TYPE_USER" }, options: { validate_only: true } },
      { event: { userId: "u", eventType: "EVENT_TYPE_USER" }, options: { validateOnly: true } },
    ]) {
      expect((await post("/v1/events", body)).status).toBe(200);
      expect(lastRequest()).toMatchObject({
        event: { userId: "u", eventType: 1 },
        options: { validateOnly: true },
      });
    }
  });

  test("whose body is one field takes the others from the query", async () => {
    const query =
      "options.durability=DURABILITY_QUEUED&options.timeout=1.5s&options.sentTime=2024-01-01T00:00:00Z";
    expect((await post(`/events?${query}`, { id: "e", user_id: "u", properties: { a: [1] } })).status).toBe(
      200,
    );
    expect(lastRequest()).toMatchObject({
      event: { id: "e", userId: "u", properties: { a: [1] } },
      options: {
        durability: 2,
        timeout: { seconds: 1n, nanos: 500_000_000 },
        sentTime: { seconds: 1_704_067_200n },
      },
    });
  });

  test("by GET takes nested, repeated and scalar parameters", async () => {
    const query = new URLSearchParams([
      ["time_range.start", "2013-01-01T00:00:00Z"],
      ["timeRange.end", "2013-02-01T00:00:00Z"],
      ["filter", 'name == "a" && properties.plan in ["x","y"]'],
      ["min_visibility", "t1"],
      ["min_visibility", "t2"],
      ["include_sessions", "true"],
    ]);
    expect((await fetch(`${port.url}/v1/analytics/summary?${query}`)).status).toBe(200);
    expect(lastRequest()).toMatchObject({
      timeRange: { start: { seconds: 1_356_998_400n }, end: { seconds: 1_359_676_800n } },
      filter: 'name == "a" && properties.plan in ["x","y"]',
      minVisibility: ["t1", "t2"],
      includeSessions: true,
    });
  });

  test("reaches the same method by its additional route", async () => {
    expect((await fetch(`${port.url}/analytics/summary?filter=a`)).status).toBe(200);
    expect(lastRequest()).toMatchObject({ filter: "a" });
  });

  test.each([
    ["a slash and a space", "a/b c"],
    ["256 characters outside ASCII", "ß€".repeat(128)],
    ["dots and percent signs", "..%2F%"],
    ["what means something in a template", "{x}:y*"],
  ])("has %s in a path segment", async (_, userId) => {
    for (const send of [
      (path: string) => fetch(port.url + path).then((response) => response.status),
      (path: string) =>
        http2Request(port.url, { ":method": "GET", ":path": path }).then(({ status }) => status),
    ]) {
      expect(await send(`/v1/analytics/users/${encodeURIComponent(userId)}`)).toBe(200);
      expect(lastRequest()).toMatchObject({ userId });
    }
  });

  test("may be packed", async () => {
    const body = gzipSync(JSON.stringify({ user_id: "packed" }));
    expect((await post("/events", body, { "content-encoding": "gzip" })).status).toBe(200);
    expect(lastRequest()).toMatchObject({ event: { userId: "packed" } });
  });

  test("may come as plain text on the batch route, without a preflight", async () => {
    const response = await post(
      "/v1/events/batch",
      { events: [{ user_id: "u" }] },
      { "content-type": "text/plain;charset=UTF-8" },
    );
    expect(response.status).toBe(200);
    expect(await response.json()).toMatchObject({ accepted_count: 1 });
  });
});

describe("a batch", () => {
  test.each(["/v1/events/batch", "/events/batch"])("at %s parses each element alone", async (path) => {
    const events = [{ user_id: "a" }, { user_id: 5 }, { nope: 1 }, "text", { userId: "b" }, null];
    const response = await post(path, { events });
    expect(response.status).toBe(200);
    const { request, call } = port.seen.calls.at(-1)!;
    const users = (request as { events: { userId: string }[] }).events.map(({ userId }) => userId);
    expect(users).toEqual(["a", "", "", "", "b", ""]);
    expect([...call.unparsed]).toMatchObject([
      [1, { field: "user_id" }],
      [2, { field: "nope", ruleId: "json.unknown_field" }],
      [3, { field: "" }],
      [5, { field: "" }],
    ]);
  });

  test("is refused for what is wrong around its elements", async () => {
    const response = await post("/v1/events/batch", { events: [{ user_id: "a" }], option: {} });
    expect(response.status).toBe(400);
    expect(await response.json()).toMatchObject({ message: "option: is unknown" });
  });
});

describe("an answer", () => {
  test("is snake_case with default values, without what is absent, 64-bit integers as text", async () => {
    const response = await fetch(`${port.url}/v1/producer/stats`);
    expect(response.headers.get("content-type")).toBe("application/json");
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(await response.json()).toEqual({
      accepted_count: "12345678901234",
      duplicate_count: "0",
      queued_count: "0",
      rejected_count: "0",
      events_per_second: 0,
      errors_by_reason: { QUEUE_FULL: "1" },
      queue_bytes: "0",
      queue_events: "0",
    });
  });

  test("has the status that the contract states", async () => {
    expect((await post("/events/async", { user_id: "u" })).status).toBe(202);
  });

  test("to HEAD has no body", async () => {
    const response = await fetch(`${port.url}/v1/producer/stats`, { method: "HEAD" });
    expect([response.status, await response.text()]).toEqual([200, ""]);
    const streamed = await fetch(`${port.url}/v1/analytics/export`, { method: "HEAD" });
    expect([streamed.status, await streamed.text()]).toEqual([200, ""]);
    await vi.waitFor(() => expect(port.seen.ended).toBe(1));
  });

  test("may be bare, with its content type, and come in pieces", async () => {
    const response = await fetch(`${port.url}/v1/analytics/export`);
    expect(response.headers.get("content-type")).toBe("text/csv");
    expect(response.headers.get("content-disposition")).toBe('attachment; filename="rows.csv"');
    expect(await response.text()).toBe("row 0\nrow 1\nrow 2\n");
  });

  test("that fails before its first piece is an error, later it is cut short", async () => {
    expect((await fetch(`${port.url}/v1/analytics/export?filter=fail`)).status).toBe(400);
    for (const version of ["--http1.0", "--http1.1", "--http2-prior-knowledge"]) {
      const cut = curl(version, `${port.url}/v1/analytics/export?filter=break`);
      await expect(cut, version).rejects.toThrow(/curl: \((18|52|56|92)\)/);
      expect(port.seen.records.at(-1)).toMatchObject({ code: "INTERNAL" });
    }
  });
});

describe("an error", () => {
  test("carries reason, retry delay and the header that says the same", async () => {
    const response = await post("/events", { user_id: "full" });
    expect([response.status, response.headers.get("retry-after")]).toEqual([429, "2"]);
    expect(await response.json()).toEqual({
      code: 8,
      message: "the queue is full",
      details: [
        { "@type": "type.googleapis.com/google.rpc.ErrorInfo", reason: "QUEUE_FULL", domain: "weir" },
        { "@type": "type.googleapis.com/google.rpc.RetryInfo", retry_delay: "1.500s" },
      ],
    });
  });
});

describe("x-request-id", () => {
  test.each([
    ["own-id_1.2:3", true],
    ["a".repeat(128), true],
    ["a".repeat(129), false],
    ["with space", false],
    ["<script>", false],
  ])("%s is kept: %s", async (id, kept) => {
    const response = await fetch(`${port.url}/health`, { headers: { "x-request-id": id } });
    const answered = response.headers.get("x-request-id");
    if (kept) expect(answered).toBe(id);
    else expect(answered).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/);
  });

  test("stands in the log line and in the call", async () => {
    await post("/events", { user_id: "u" }, { "x-request-id": "mine-1" });
    expect(port.seen.calls.at(-1)?.call.requestId).toBe("mine-1");
    expect(port.seen.logged.at(-1)).toMatchObject({
      fields: {
        requestId: "mine-1",
        method: "analytics.v1.ProducerService/SendEvent",
        protocol: "rest",
        code: "OK",
      },
    });
  });
});

describe("the caller's trace", () => {
  const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";

  test.each([
    [`00-${traceId}-00f067aa0ba902b7-01`, traceId],
    [`cc-${traceId}-00f067aa0ba902b7-01-what-comes-later`, traceId],
    [`ff-${traceId}-00f067aa0ba902b7-01`, undefined],
    [`00-${"0".repeat(32)}-00f067aa0ba902b7-01`, undefined],
    [`00-${traceId}-${"0".repeat(16)}-01`, undefined],
    [`00-${traceId.toUpperCase()}-00f067aa0ba902b7-01`, undefined],
    ["nonsense", undefined],
  ])("%s is %s in the log line", async (traceparent, expected) => {
    await post("/events", { user_id: "u" }, { traceparent });
    const { fields } = port.seen.logged.at(-1)!;
    expect((fields as { traceId?: string }).traceId).toBe(expected);
  });
});
