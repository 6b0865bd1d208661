/** Grafana's dashboards, asked of a Prometheus as Grafana would ask it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, vi } from "vitest";
import { dashboards as described } from "../../../scripts/dashboards.ts";
import { repository } from "../process.ts";
import type { Prometheus, Sample } from "../prometheus.ts";

interface GrafanaPanel {
  readonly type: string;
  readonly title: string;
  readonly description?: string;
  readonly targets?: readonly { readonly expr: string }[];
}

export interface GrafanaDashboard {
  readonly uid: string;
  readonly title: string;
  readonly templating: {
    readonly list: readonly { name: string; type: string; query: string | { readonly query: string } }[];
  };
  readonly panels: readonly GrafanaPanel[];
}

/** As they stand in the files that Grafana is given. */
export const dashboards: readonly GrafanaDashboard[] = described.map(({ uid }) =>
  JSON.parse(readFileSync(join(repository, `deploy/grafana/dashboards/${uid}.json`), "utf8")),
);

export function dashboardOf(uid: string): GrafanaDashboard {
  return dashboards.find((dashboard) => dashboard.uid === uid)!;
}

export interface AskedPanel {
  readonly title: string;
  readonly expr: string;
  /** Whether it is told when it shows nothing. */
  readonly mayBeEmpty: boolean;
}

export function queriesOf({ panels }: GrafanaDashboard): AskedPanel[] {
  return panels.flatMap(({ title, description, targets = [] }) =>
    targets.map(({ expr }) => ({
      title,
      expr,
      mayBeEmpty: description?.startsWith("Empty while ") ?? false,
    })),
  );
}

/** What is chosen above the panels; where nothing is, all of it. */
export interface Chosen {
  readonly role?: string;
  readonly instance?: string;
}

const all = ".*";

function filledIn(expr: string, { role = all, instance = all }: Chosen = {}): string {
  return expr
    .replaceAll("$__rate_interval", "5s")
    .replaceAll("$role", role)
    .replaceAll("$instance", instance)
    .replaceAll("$project", all);
}

/** How long tests wait for what comes in its own time. */
export const patiently = { timeout: 90_000, interval: 100 };

/**
 * Waits until every query of the dashboard has shown a number, and each list of choices a value.
 *
 * @param but titles of panels for which nothing happens here
 */
export async function everyPanelAnswers(
  prometheus: Prometheus,
  dashboard: GrafanaDashboard,
  but: readonly string[] = [],
): Promise<void> {
  const waiting = new Set(queriesOf(dashboard).filter(({ title }) => !but.includes(title)));
  await vi.waitFor(async () => {
    for (const asked of waiting) {
      const samples = await prometheus.query(filledIn(asked.expr));
      if (samples.some(({ value }) => Number.isFinite(value))) waiting.delete(asked);
    }
    expect([...waiting].map(({ title, expr }) => [title, expr])).toEqual([]);
  }, patiently);
  for (const { type, query } of dashboard.templating.list) {
    if (type !== "query") continue;
    const [, match, label] = /^label_values\((.+), (\w+)\)$/.exec((query as { query: string }).query)!;
    expect(await prometheus.labelValues(label!, filledIn(match!)), `$${label}`).not.toEqual([]);
  }
}

/** Waits until every query of the dashboard shows numbers only, and at least one where its panel does not say when none. */
export async function everyPanelExplains(prometheus: Prometheus, dashboard: GrafanaDashboard): Promise<void> {
  const waiting = new Set(queriesOf(dashboard));
  await vi.waitFor(async () => {
    for (const asked of waiting) {
      const samples = await prometheus.query(filledIn(asked.expr));
      const numbers = samples.every(({ value }) => Number.isFinite(value));
      if (numbers && (asked.mayBeEmpty || samples.length > 0)) waiting.delete(asked);
    }
    expect([...waiting].map(({ title, expr }) => [title, expr])).toEqual([]);
  }, patiently);
}

/** Samples of the panels that show something now, by their titles. */
export async function shownPanels(
  prometheus: Prometheus,
  dashboard: GrafanaDashboard,
  chosen: Chosen = {},
): Promise<Record<string, Sample[]>> {
  const shown: Record<string, Sample[]> = {};
  for (const { title, expr } of queriesOf(dashboard)) {
    const samples = await prometheus.query(filledIn(expr, chosen));
    if (samples.length > 0) shown[title] = [...(shown[title] ?? []), ...samples];
  }
  return shown;
}
