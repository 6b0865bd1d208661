import { appendFileSync, cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { runCommand } from "../support/command.ts";
import { makeDirectory, removeDirectory } from "../support/level-log.ts";
import { methods } from "../support/method-calls.ts";
import { repository } from "../support/process.ts";
import { dashboards, queriesOf } from "../support/prometheus/dashboards.ts";
import { prometheusPrograms } from "../support/prometheus/programs.ts";
import { prometheusFolder, rules, textsOf } from "../support/prometheus/rules.ts";

let promtool: string;
beforeAll(async () => {
  ({ promtool } = await prometheusPrograms());
});

const alerts = rules().filter(({ kind }) => kind === "alert");
const recorded = rules().filter(({ kind }) => kind === "record");
const tests = textsOf("tests");

const monitoring = readFileSync(join(repository, "docs/MONITORING.md"), "utf8");

/** The lines that send alerts to an Alertmanager. */
function documentedAlerting(): string {
  return /^```yaml\n(alerting:\n[^`]*)```$/m.exec(monitoring)![1]!;
}

it("promtool takes the configuration, with and without an Alertmanager, and finds nothing in the rules", async () => {
  const folder = await makeDirectory();
  cpSync(prometheusFolder, folder, { recursive: true });
  const configFile = join(folder, "prometheus.yml");
  // An operator's own, where the tests run beside one.
  rmSync(join(folder, "platform-key"), { force: true });
  const without = await runCommand(promtool, ["check", "config", configFile]);
  expect(without.stderr).toContain("platform-key");
  writeFileSync(join(folder, "platform-key"), "");
  const config = await runCommand(promtool, ["check", "config", configFile]);
  expect(config).toMatchObject({ code: 0 });
  appendFileSync(configFile, documentedAlerting());
  const alerting = await runCommand(promtool, ["check", "config", configFile]);
  expect(alerting).toMatchObject({ code: 0 });
  const all = ["recording.yml", "alerts.yml"].map((file) => join(folder, "rules", file));
  const checked = await runCommand(promtool, ["check", "rules", "--lint=all", "--lint-fatal", ...all]);
  expect(checked).toMatchObject({ code: 0, stderr: "" });
  expect(checked.stdout.match(/(\d+) rules found/g)).toEqual([
    `${recorded.length} rules found`,
    `${alerts.length} rules found`,
  ]);
  await removeDirectory(folder);
});

it("the rules' own tests hold in promtool's simulated time", async () => {
  const files = [
    "alerts-processes",
    "alerts-events",
    "alerts-room",
    "alerts-disk",
    "alerts-days",
    "recording",
  ];
  expect(files).toHaveLength(tests.length);
  const args = files.map((file) => join(prometheusFolder, "tests", `${file}.yml`));
  const { code, stdout, stderr } = await runCommand(promtool, ["test", "rules", ...args], {
    deadlineMs: 200_000,
  });
  expect(code, stdout + stderr).toBe(0);
});

it("of streams all but exports may end with their callers' deadlines, as on the dashboard", () => {
  const { expr } = recorded.find(({ name }) => name === "job:weir_rpc_failures:rate5m")!;
  const endless = new RegExp(`^${/method!~"(.*?)"/.exec(expr)![1]}$`);
  const streams = methods.filter(({ method }) => method.methodKind !== "unary").map(({ name }) => name);
  expect(streams.filter((name) => !endless.test(name))).toEqual([
    "analytics.v1.AnalyticsService/ExportEvents",
  ]);
  const left = methods.filter(({ name }) => endless.test(name));
  expect(left).toHaveLength(streams.length - 1);
  const health = dashboards.find(({ uid }) => uid === "weir-service-health")!;
  const { expr: shown } = queriesOf(health).find(({ title }) => title === "Calls that fail, of all")!;
  const passedOver = new RegExp(`^(${/code="DEADLINE_EXCEEDED", method!~"(.*?)"/.exec(shown)![1]})$`);
  expect(methods.filter(({ name }) => passedOver.test(name))).toEqual(left);
});

describe("in these tests", () => {
  /** Of one case what is expected of an alert, by time: whether it fires. */
  function firings(text: string, name: string): boolean[] {
    const moments = new RegExp(`alertname: ${name}(, exp_alerts: \\[\\]| *\\n +exp_alerts:\\n)`, "g");
    return [...text.matchAll(moments)].map(([, end]) => !end!.startsWith(","));
  }

  it.each(alerts)("$name is silent, fires and is silent again", ({ name }) => {
    const cases = tests.flatMap((text) => text.split(/^ {2}- name: /m)).map((text) => firings(text, name));
    expect(cases.map((fires) => fires.join(" "))).toContainEqual(
      expect.stringMatching(/false true.* false$/),
    );
  });

  it.each(recorded)("$name has a value", ({ name }) => {
    // One that only others are made of shows in theirs.
    const used = [name, ...recorded.filter(({ expr }) => expr.includes(name)).map((other) => other.name)];
    expect(used.some((one) => tests.some((text) => text.includes(`- expr: round(${one}, `)))).toBe(true);
  });
});

it("docs/MONITORING.md says of each alert what to look at", () => {
  const documented = [...monitoring.matchAll(/^\| `(Weir\w+)` \| (critical|warning) \|/gm)].map(
    ([, name, severity]) => `${name} ${severity}`,
  );
  const severities = textsOf("rules").flatMap((text) => [
    ...text.matchAll(/- alert: (\w+)\n(?: {8}.*\n)*? {8}labels: \{ severity: (\w+) \}/g),
  ]);
  expect(documented).toEqual(severities.map(([, name, severity]) => `${name} ${severity}`));
  expect(documented).toHaveLength(alerts.length);
});
