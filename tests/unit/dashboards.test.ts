import { describe, expect, it } from "vitest";
import { dashboards as described, staleDashboards } from "../../scripts/dashboards.ts";
import { catalogue } from "../../src/telemetry/catalogue.ts";
import { createMetrics, stageCounters, stageGauges } from "../../src/telemetry/metrics.ts";
import { dashboards, queriesOf } from "../support/prometheus/dashboards.ts";
import { metricsIn, rules } from "../support/prometheus/rules.ts";

/** Series that Prometheus makes itself. */
const ofPrometheus = ["up", "ALERTS"];

function known(): Set<string> {
  const { registry } = createMetrics({ startedAtMs: 0, now: () => 0 });
  const plain = registry.getMetricsAsArray().map(({ name }) => name);
  const histograms = [
    ...Object.entries(catalogue).flatMap(([name, { type }]) => (type === "histogram" ? [name] : [])),
    "nodejs_gc_duration_seconds",
  ];
  return new Set([
    ...ofPrometheus,
    ...plain,
    ...[...Object.values(stageGauges), ...Object.values(stageCounters)].map(([name]) => name),
    ...histograms.flatMap((name) => [`${name}_bucket`, `${name}_sum`, `${name}_count`]),
    ...rules().flatMap(({ kind, name }) => (kind === "record" ? [name] : [])),
  ]);
}

it("the dashboards are what their descriptions say", () => {
  expect(staleDashboards().map(({ file }) => file)).toEqual([]);
});

describe("only metrics that exist are asked for", () => {
  it.each(rules())("by the rule $name", ({ expr }) => {
    const names = metricsIn(expr);
    expect(names).not.toEqual([]);
    expect(names.filter((name) => !known().has(name))).toEqual([]);
  });

  it.each(dashboards)("by the dashboard $title", (dashboard) => {
    for (const { title, expr } of queriesOf(dashboard)) {
      const names = metricsIn(expr);
      expect(names, title).not.toEqual([]);
      expect(
        names.filter((name) => !known().has(name)),
        title,
      ).toEqual([]);
    }
  });
});

describe.each(dashboards)("$title", (dashboard) => {
  it("lets role, instance and project be chosen", () => {
    const names = dashboard.templating.list.map(({ name }) => name);
    expect(names).toEqual(["datasource", "role", "instance", "project"]);
    const asked = queriesOf(dashboard)
      .map(({ expr }) => expr)
      .join("\n");
    for (const name of ["$role", "$instance", "$project"]) expect(asked).toContain(name);
    const used = new Set([...asked.matchAll(/\$(\w+)/g)].map(([, name]) => name!));
    expect([...used].filter((name) => !names.includes(name) && name !== "__rate_interval")).toEqual([]);
  });

  it("asks of the chosen processes only, whichever panel", () => {
    for (const { title, expr } of queriesOf(dashboard)) {
      for (const name of metricsIn(expr)) {
        expect(expr, title).not.toMatch(new RegExp(`\\b${name}\\b(?!\\{)`));
      }
      for (const [matchers] of expr.matchAll(/\{[^}]*\}/g)) {
        expect(matchers, title).toMatch(/job="weir", role=~"\|?\$role", instance=~"\|?\$instance"/);
      }
    }
  });

  it("has panels that do not overlap and fit the grid", () => {
    const cells = new Set<string>();
    for (const { gridPos } of dashboard.panels as unknown as {
      gridPos: { x: number; y: number; w: number; h: number };
    }[]) {
      const { x, y, w, h } = gridPos;
      expect(x + w).toBeLessThanOrEqual(24);
      for (let i = x; i < x + w; i++) {
        for (let j = y; j < y + h; j++) {
          expect(cells.has(`${i} ${j}`)).toBe(false);
          cells.add(`${i} ${j}`);
        }
      }
    }
  });
});

it("each panel's title stands for one panel of its dashboard", () => {
  for (const { title, rows } of described) {
    const titles = rows.flatMap(({ panels }) => panels.map((panel) => panel.title));
    expect([...new Set(titles)], title).toEqual(titles);
  }
});

describe("a single number is", () => {
  interface Stat {
    readonly type: string;
    readonly title: string;
    readonly targets: readonly { readonly instant?: boolean; readonly range?: boolean }[];
    readonly fieldConfig: {
      readonly defaults: {
        readonly thresholds: { readonly steps: { color: string; value: number | null }[] };
      };
    };
  }
  const stats = dashboards
    .flatMap(({ panels }) => panels as unknown as Stat[])
    .filter(({ type }) => type === "stat");
  const colorOf = ({ fieldConfig }: Stat, number: number) =>
    fieldConfig.defaults.thresholds.steps.findLast(({ value }) => value === null || value <= number)!.color;

  /** Of numbers from the least on. */
  const judged: Record<string, [number, string][]> = {
    "Processes that answer": [
      [0, "red"],
      [1, "green"],
    ],
    "Least health of a part": [
      [0, "red"],
      [0.5, "orange"],
      [1, "green"],
    ],
    "Calls that fail, of all": [
      [0, "green"],
      [0.04, "green"],
      [0.06, "red"],
      [1, "red"],
    ],
    "Seen by queries after (p99)": [
      [0.01, "green"],
      [11, "orange"],
    ],
  };

  it.each(Object.keys(judged))("as good as it is colored: %s", (title) => {
    const stat = stats.find((one) => one.title === title)!;
    expect(judged[title]!.map(([number]) => [number, colorOf(stat, number)])).toEqual(judged[title]);
  });

  it.each(stats)("of now: $title", ({ targets }) => {
    expect(targets).toMatchObject([{ instant: true, range: false }]);
  });

  it("neither good nor bad elsewhere, however great", () => {
    const others = stats.filter(({ title }) => !(title in judged));
    expect(others.length).toBeGreaterThan(0);
    for (const stat of others) expect([0, 1000].map((n) => colorOf(stat, n))).toEqual(["text", "text"]);
  });
});
