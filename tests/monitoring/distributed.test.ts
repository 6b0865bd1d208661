/** Three processes over Kafka and ClickHouse, watched by a real Prometheus without a key, and what it says of faults. */
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { type Role, roles } from "../../src/domain/roles.ts";
import { putOnLog } from "../support/faults/foreign.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { freePorts } from "../support/ports.ts";
import { dashboardOf, everyPanelAnswers, patiently, shownPanels } from "../support/prometheus/dashboards.ts";
import { startTraffic, type Traffic } from "../support/prometheus/traffic.ts";
import { type Prometheus, startPrometheus } from "../support/prometheus.ts";
import type { RunningServer } from "../support/server.ts";

const ofEmbeddedParts = ["Free of embedded parts' disks", "Size of the store's files"];

let installation: Installation;
let servers: Record<Role, RunningServer>;
/** The consumer, once it is back. */
let again: RunningServer | undefined;
let traffic: Traffic;
let prometheus: Prometheus;
beforeAll(async () => {
  installation = await startInstallation();
  const addresses = (await freePorts(roles.length)).map((port) => `127.0.0.1:${port}`);
  const targets = roles.map((role, i) => ({ role, address: addresses[i]! }));
  const started = await Promise.all(
    targets.map(({ role, address }) => installation.serve(role, { args: ["--metrics-listen", address] })),
  );
  servers = Object.fromEntries(roles.map((role, i) => [role, started[i]!])) as Record<Role, RunningServer>;
  traffic = startTraffic({ ingestUrl: servers.ingest.url, queryUrl: servers.analytics.url });
  prometheus = await startPrometheus({ targets });
});
afterAll(async () => {
  await prometheus?.close();
  await traffic?.stop();
  await again?.stop();
  await installation?.close();
});

it("a record that is none becomes a dead letter, of which an alert tells", async () => {
  expect(await prometheus.firing()).not.toContain("WeirDeadLetters");
  await putOnLog(installation, [{ key: "k", partition: 0, value: Uint8Array.of(0xff, 0xff) }]);
  await fire("WeirDeadLetters");
});

it.each([
  ["weir-kafka", ["Failures of the log", "Failures to apply"]],
  ["weir-real-time", []],
  ["weir-service-health", ["Alerts", "Refused by a rate limit, by project", ...ofEmbeddedParts]],
])("every panel of %s shows something but %j", async (uid, but) => {
  await everyPanelAnswers(prometheus, dashboardOf(uid), but);
});

it("the alert ends once no further record is set aside", async () => {
  await end("WeirDeadLetters");
  expect(await prometheus.query("last_over_time(weir_dead_letters_total[1m])")).toMatchObject([{ value: 1 }]);
});

it("without its consumer the lag grows, of which alerts tell until it is back", async () => {
  await servers.consumer.kill9();
  await fire("WeirTargetDown", "WeirLagGrowing");
  await vi.waitFor(async () => {
    expect(await shownAlerts("consumer")).toEqual(
      expect.arrayContaining(["WeirTargetDown", "WeirLagGrowing"]),
    );
  }, patiently);
  const elsewhere = await shownAlerts("ingest");
  expect(elsewhere).toContain("WeirLagGrowing");
  expect(elsewhere).not.toContain("WeirTargetDown");
  again = await servers.consumer.restart();
  await end("WeirTargetDown", "WeirLagGrowing");
});

/** Names of the alerts that Service Health shows of a role. */
async function shownAlerts(role: string): Promise<(string | undefined)[]> {
  const { Alerts = [] } = await shownPanels(prometheus, dashboardOf("weir-service-health"), { role });
  return Alerts.map(({ metric }) => metric.alertname);
}

/** Waits until these alerts fire. */
async function fire(...alerts: string[]): Promise<void> {
  const all = expect.arrayContaining(alerts);
  await vi.waitFor(async () => expect(await prometheus.firing()).toEqual(all), patiently);
}

/** Waits until Prometheus knows the lag to be small and these alerts do not fire. */
async function end(...alerts: string[]): Promise<void> {
  await vi.waitFor(async () => {
    expect(await prometheus.query("job:weir_consumer_lag:records < 1000")).toHaveLength(1);
    const firing = await prometheus.firing();
    expect(alerts.filter((alert) => firing.includes(alert))).toEqual([]);
  }, patiently);
}
