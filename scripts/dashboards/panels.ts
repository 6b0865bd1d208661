/** The words in which dashboards are written, and the JSON that Grafana takes for them. */

export interface Query {
  readonly expr: string;
  /** Name of each series, of its labels in braces; empty where there is one. */
  readonly legend: string;
}

/** Color of the least numbers, then from which number on another one counts, rising. */
export type Judgement = readonly [least: Color, ...higher: [from: number, color: Color][]];

type Color = "green" | "orange" | "red";

export interface Panel {
  readonly title: string;
  readonly type: "timeseries" | "stat";
  /** As Grafana names it: short, s, bytes, Bps, percentunit, ops. */
  readonly unit: string;
  readonly queries: readonly Query[];
  /** When it is right that it shows nothing. */
  readonly emptyWhile?: string;
  /** Of one number: whether it is good. Absent: that is not for the number to say. */
  readonly judged?: Judgement;
}

export interface Row {
  readonly title: string;
  readonly panels: readonly Panel[];
}

export interface Dashboard {
  /** Also the name of its file. */
  readonly uid: string;
  readonly title: string;
  readonly rows: readonly Row[];
}

/** Matchers of the processes chosen above, with more of them. */
export function on(...more: string[]): string {
  return `{${['job="weir"', 'role=~"$role"', 'instance=~"$instance"', ...more].join(", ")}}`;
}

export const chosenProject = 'project=~"$project"';

export function rate(metric: string, ...matchers: string[]): string {
  return `rate(${metric}${on(...matchers)}[$__rate_interval])`;
}

export function query(expr: string, legend = ""): Query {
  return { expr, legend };
}

/**
 * A percentile of a histogram, by these labels. Where nothing was observed it has no value: what histogram_quantile()
 * makes of it is no number, which Grafana would show and topk() would choose.
 */
export function quantile(q: number, histogram: string, by: readonly string[] = [], ...matchers: string[]) {
  const labels = [...by, "le"].join(", ");
  return `histogram_quantile(${q}, sum by (${labels}) (${rate(`${histogram}_bucket`, ...matchers)})) >= 0`;
}

/** Median, 95th and 99th percentile of a histogram. */
export function quantiles(histogram: string, ...matchers: string[]): Query[] {
  return [0.5, 0.95, 0.99].map((q) => query(quantile(q, histogram, [], ...matchers), `p${q * 100}`));
}

export function graph(title: string, unit: string, ...queries: Query[]): Panel {
  return { title, type: "timeseries", unit, queries };
}

export function stat(title: string, unit: string, expr: string, judged?: Judgement): Panel {
  return { title, type: "stat", unit, queries: [query(expr)], ...(judged ? { judged } : {}) };
}

/** The panel, with when it is right that it shows nothing. */
export function emptyWhile(reason: string, panel: Panel): Panel {
  return { ...panel, emptyWhile: reason };
}

const datasource = { type: "prometheus", uid: "$datasource" };
const gridWidth = 24;
const sizes = { timeseries: { w: 8, h: 8 }, stat: { w: 6, h: 4 } };

/** What is chosen above the panels; whoever wants other processes or projects changes it there. */
const variables = [
  { name: "datasource", label: "Prometheus", type: "datasource", query: "prometheus" },
  variable("role", 'label_values(up{job="weir"}, role)'),
  variable("instance", 'label_values(up{job="weir", role=~"$role"}, instance)'),
  variable("project", 'label_values(events_processed_total{job="weir"}, project)'),
];

function variable(name: string, from: string) {
  return {
    name,
    type: "query",
    datasource,
    query: { query: from, refId: name },
    refresh: 2,
    sort: 1,
    multi: true,
    includeAll: true,
    allValue: ".*",
    current: { text: "All", value: "$__all" },
  };
}

/** The dashboard as Grafana takes it: rows one below the other, each row's panels from left to right. */
export function toGrafana({ uid, title, rows }: Dashboard): object {
  const panels: object[] = [];
  let y = 0;
  for (const row of rows) {
    panels.push({
      type: "row",
      title: row.title,
      collapsed: false,
      panels: [],
      gridPos: { x: 0, y: y++, w: gridWidth, h: 1 },
    });
    let x = 0;
    let height = 0;
    for (const panel of row.panels) {
      const { w, h } = sizes[panel.type];
      if (x + w > gridWidth) {
        y += height;
        x = 0;
        height = 0;
      }
      panels.push(panelOf(panel, { x, y, w, h }));
      x += w;
      height = Math.max(height, h);
    }
    y += height;
  }
  return {
    uid,
    title,
    tags: ["weir"],
    schemaVersion: 39,
    editable: true,
    refresh: "15s",
    time: { from: "now-1h", to: "now" },
    templating: { list: variables },
    panels: panels.map((panel, index) => ({ id: index + 1, ...panel })),
  };
}

function panelOf({ title, type, unit, queries, emptyWhile, judged }: Panel, gridPos: object): object {
  return {
    type,
    title,
    ...(emptyWhile === undefined ? {} : { description: `Empty while ${emptyWhile}.` }),
    datasource,
    gridPos,
    fieldConfig: { defaults: { unit, min: 0, ...(type === "stat" ? colored(judged) : {}) }, overrides: [] },
    targets: queries.map(({ expr, legend }, index) => ({
      refId: String.fromCharCode("A".charCodeAt(0) + index),
      expr,
      legendFormat: legend,
      // Of now: of a range Grafana would show the last number in it, also an hour after a process went.
      ...(type === "stat" ? { instant: true, range: false } : {}),
    })),
  };
}

/** Without thresholds Grafana takes everything for good below 80 and for bad from there on. */
function colored([least, ...higher]: Judgement | ["text"] = ["text"]): object {
  const steps = [{ color: least, value: null }, ...higher.map(([value, color]) => ({ color, value }))];
  return { color: { mode: "thresholds" }, thresholds: { mode: "absolute", steps } };
}
