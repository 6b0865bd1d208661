/** The embedded server, watched by a real Prometheus that has a key. */
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { createWeirClient, Scope } from "../../client/node/index.ts";
import { runCommand } from "../support/command.ts";
import { bootstrapKey } from "../support/method-calls.ts";
import {
  dashboardOf,
  dashboards,
  everyPanelAnswers,
  patiently,
  shownPanels,
} from "../support/prometheus/dashboards.ts";
import { prometheusPrograms } from "../support/prometheus/programs.ts";
import { startTraffic, type Traffic } from "../support/prometheus/traffic.ts";
import { type Prometheus, type Sample, startPrometheus } from "../support/prometheus.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let server: RunningServer;
let traffic: Traffic;
let trafficKey: string;
let prometheus: Prometheus;
beforeAll(async () => {
  server = await startServer({
    args: ["--auth", "required", "--burst", "1s"],
    env: { WEIR_BOOTSTRAP_KEY: bootstrapKey },
  });
  const operator = createWeirClient({ url: server.url, apiKey: bootstrapKey });
  const scopes = [Scope.INGEST, Scope.QUERY];
  ({ secret: trafficKey } = await operator.admin.createApiKey({ name: "traffic", scopes }));
  const limits = { requestsPerSecond: 1 };
  const { secret: limitedKey } = await operator.admin.createApiKey({ name: "limited", scopes, limits });
  await operator.close();
  traffic = startTraffic({ ingestUrl: server.url, apiKey: trafficKey, limitedKey });
  const targets = [{ address: new URL(server.url).host, role: "all" }];
  prometheus = await startPrometheus({ withKey: { key: bootstrapKey, targets } });
});
afterAll(async () => {
  await prometheus?.close();
  await traffic?.stop();
  await server?.stop();
});

it.each([
  ["weir-real-time", []],
  ["weir-service-health", ["Alerts"]],
])("every panel of %s shows something but %j", async (uid, but) => {
  await everyPanelAnswers(prometheus, dashboardOf(uid), but);
});

it("durations are those of calls that are no streams", async () => {
  const methods = (samples: readonly Sample[] = []) =>
    samples.filter(({ value }) => value > 0).map(({ metric }) => metric.method);
  const [stream, call] = ["ExportEvents", "GetAnalyticsSummary"].map(
    (method) => `analytics.v1.AnalyticsService/${method}`,
  );
  await vi.waitFor(async () => {
    const shown = await shownPanels(prometheus, dashboardOf("weir-service-health"));
    expect(methods(shown["By method, the ten most frequent"])).toEqual(
      expect.arrayContaining([stream, call]),
    );
    const durations = methods(shown["Duration by method (p99), the ten slowest, streams left out"]);
    expect(durations).toContain(call);
    expect(durations).not.toContain(stream);
  }, patiently);
});

it("a stream that its caller's deadline ends is no call that fails", async () => {
  const client = createWeirClient({ url: server.url, apiKey: trafficKey });
  await vi.waitFor(async () => {
    const stream = client.analytics.getRealTimeAnalytics({}, { timeoutMs: 200 })[Symbol.asyncIterator]();
    await expect(stream.next().then(() => stream.next())).rejects.toMatchObject({
      code: Code.DeadlineExceeded,
    });
    const shown = await shownPanels(prometheus, dashboardOf("weir-service-health"));
    const ended = shown["Failed, by code"]?.find(({ metric }) => metric.code === "DEADLINE_EXCEEDED");
    expect(ended?.value).toBeGreaterThan(0);
  }, patiently);
  // Panels are asked one after the other: what one of them has shown the next look has everywhere.
  const shown = await shownPanels(prometheus, dashboardOf("weir-service-health"));
  expect(shown["Calls that fail, of all"]).toMatchObject([{ value: 0 }]);
  await client.close();
});

it.each(dashboards)("no panel of $title shows processes that are not chosen", async (dashboard) => {
  expect(await shownPanels(prometheus, dashboard, { role: "none" })).toEqual({});
  expect(await shownPanels(prometheus, dashboard, { instance: "none" })).toEqual({});
});

it("nothing is wrong, and no alert says so", async () => {
  await vi.waitFor(async () => {
    expect(await prometheus.query('up{job="weir", role="all"}')).toMatchObject([{ value: 1 }]);
    expect(await prometheus.firing()).toEqual([]);
  }, patiently);
});

it("promtool finds nothing in the figures but the old name of the lag", async () => {
  const { promtool } = await prometheusPrograms();
  const answer = await fetch(`${server.url}/metrics`, { headers: { "x-api-key": bootstrapKey } });
  const { stderr } = await runCommand(promtool, ["check", "metrics"], { stdin: await answer.text() });
  expect(stderr.trim()).toBe('kafka_consumer_lag_total non-counter metrics should not have "_total" suffix');
});
