/** The curl examples that users of the former system know, as they were written. */
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, expect, test } from "vitest";
import { runCommand } from "../support/command.ts";
import { curl } from "../support/curl.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
beforeAll(async () => {
  server = await startServer();
});
afterAll(() => server.stop());

const json = ["-H", "Content-Type: application/json"];
const event =
  '{"event":{"id":"evt-123","user_id":"user-456","event_type":"EVENT_TYPE_USER","timestamp":"2024-01-01T12:00:00Z","source":"web-app"}}';
const flatEvent =
  '{"id":"event_123","user_id":"user_456","event_type":"page_view","properties":{"page":"/dashboard","duration":"45"},"timestamp":1640995200,"source":"web-app"}';

test("both events are accepted, then known, and both summary routes count both", async () => {
  const post = (path: string, body: string) => curl("-X", "POST", server.url + path, ...json, "-d", body);
  const tokens: string[] = [];
  for (const [path, body, id] of [
    ["/v1/events", event, "evt-123"],
    ["/events", flatEvent, "event_123"],
  ] as const) {
    const first = await post(path, body);
    expect(first.status).toBe(200);
    expect(first.headers.get("content-type")).toBe("application/json");
    expect(first.headers.get("x-request-id")).toMatch(/^[\w-]{36}$/);
    expect(JSON.parse(first.body)).toEqual({
      event_id: id,
      result: "INGEST_RESULT_ACCEPTED",
      received_time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      visibility_token: expect.stringMatching(/^[\w-]+$/),
      success: true,
      message: expect.any(String),
    });
    expect(JSON.parse((await post(path, body)).body)).toMatchObject({ result: "INGEST_RESULT_DUPLICATE" });
    tokens.push(JSON.parse(first.body).visibility_token);
  }

  const wait = tokens.flatMap((token) => ["--data-urlencode", `min_visibility=${token}`]);
  for (const path of ["/v1/analytics/summary", "/analytics/summary"]) {
    const { status, headers, body } = await curl("-G", ...wait, server.url + path);
    expect(status, path).toBe(200);
    expect(headers.get("cache-control"), path).toBe("no-store");
    expect(JSON.parse(body), path).toEqual({
      total_events: "2",
      unique_users: "2",
      events_by_type: { user: "1", custom: "1" },
      top_events: [
        { name: "page_view", events: "1", users: "1" },
        { name: "user", events: "1", users: "1" },
      ],
      first_event_time: "2022-01-01T00:00:00Z",
      last_event_time: "2024-01-01T12:00:00Z",
    });
  }
  // Without parameters they answer the same, now that both events are visible.
  const bare = await curl(`${server.url}/analytics/summary`);
  expect(JSON.parse(bare.body)).toMatchObject({ total_events: "2", unique_users: "2" });
});

test("a flat event that is only queued is answered with 202", async () => {
  const { status, body } = await curl(
    ...json,
    "-d",
    '{"user_id":"u","event_type":"click"}',
    `${server.url}/events/async`,
  );
  expect(status).toBe(202);
  expect(JSON.parse(body)).toMatchObject({ result: "INGEST_RESULT_QUEUED", success: true });
  expect(JSON.parse(body).event_id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
});

test("data that curl is told no content type of is taken as JSON", async () => {
  const bodies = {
    "/v1/events": event.replace("evt-123", "bare"),
    "/events": flatEvent.replace("event_123", "bare"),
  };
  for (const [path, data] of Object.entries(bodies)) {
    const { status, body } = await curl("-d", data, server.url + path);
    expect(status, path).toBe(200);
    expect(JSON.parse(body), path).toMatchObject({ event_id: "bare", result: "INGEST_RESULT_ACCEPTED" });
  }
  const broken = await curl("-d", "user_id=u", `${server.url}/events`);
  expect([broken.status, JSON.parse(broken.body).message]).toEqual([
    400,
    expect.stringMatching(/is no JSON/),
  ]);
});

test.each(["Origin: http://localhost:3000", "Sec-Fetch-Site: same-origin", "Sec-Fetch-Mode: no-cors"])(
  "the same with what only browsers send (%s) is refused, on the batch route too",
  async (header) => {
    for (const path of ["/v1/events", "/events", "/events/batch", "/v1/events/batch"]) {
      const { status, body } = await curl("-H", header, "-d", event, server.url + path);
      expect(status, path).toBe(415);
      expect(JSON.parse(body).message, path).toMatch(/urlencoded is not application\/json.*not .* a browser/);
    }
  },
);

test("gzip is taken on every route", async () => {
  const packed = ["-sS", ...json, "-H", "content-encoding: gzip", "--data-binary", "@-"];
  const body = '{"user_id":"u","id":"packed","event_type":"click"}';
  for (const [path, sent] of [
    ["/events", body],
    ["/events/batch", `{"events":[${body}]}`],
    ["/analytics.v1.ProducerService/SendEvent", `{"event":${body}}`],
  ] as const) {
    const { stdout } = await runCommand("curl", [...packed, server.url + path], { stdin: gzipSync(sent) });
    expect(JSON.parse(stdout), path).toMatchObject({ success: true });
  }
});
