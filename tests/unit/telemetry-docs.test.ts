import { readdirSync, readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { catalogue } from "../../src/telemetry/catalogue.ts";
import { createMetrics, stageCounters, stageGauges } from "../../src/telemetry/metrics.ts";
import type { CallRecord } from "../../src/transport/log.ts";
import { mountMethods } from "../../src/transport/methods.ts";

const root = new URL("../../", import.meta.url);

/** The metric's tables of docs/METRICS.md: name to "type label,label". */
function documented(): Map<string, string> {
  const text = readFileSync(new URL("docs/METRICS.md", root), "utf8");
  const rows = text.matchAll(/^\| `([a-z_0-9]+)` \| (counter|gauge|histogram) \| (.*?) ?\| .*?\| .+ \|$/gm);
  return new Map([...rows].map((row) => [row[1]!, `${row[2]} ${row[3]!.replaceAll(/[` ]/g, "")}`]));
}

/** What a server registers: its own metrics, the process's, and those that its parts are asked for. */
function registered(): Map<string, string> {
  const metrics = createMetrics({ startedAtMs: 0, now: () => 0 });
  for (const [name, help, labels] of Object.values(stageGauges)) metrics.observe(name, help, labels, () => 0);
  for (const [name, help, labels] of Object.values(stageCounters)) {
    metrics.observeTotal(name, help, labels, () => 0);
  }
  const all = metrics.registry.getMetricsAsArray() as unknown as {
    name: string;
    type: string;
    labelNames: readonly string[];
  }[];
  return new Map(all.map(({ name, type, labelNames }) => [name, `${type} ${labelNames.join(",")}`]));
}

describe("docs/METRICS.md", () => {
  it("lists every metric with its type and labels", () => {
    const inDocs = documented();
    for (const [name, form] of registered()) expect(inDocs.get(name), name).toBe(form);
  });

  it("lists no metric that does not exist", () => {
    const real = registered();
    const onlyLinux = /^process_(virtual_memory_bytes|heap_bytes|open_fds|max_fds)$/;
    const missing = [...documented().keys()].filter(
      (name) => !real.has(name) && !(process.platform !== "linux" && onlyLinux.test(name)),
    );
    expect(missing).toEqual([]);
  });

  it("has each row once", () => {
    const text = readFileSync(new URL("docs/METRICS.md", root), "utf8");
    const names = [...text.matchAll(/^\| `([a-z_0-9]+)` \| (?:counter|gauge|histogram) \|/gm)].map(
      (row) => row[1],
    );
    expect(names).toEqual([...new Set(names)]);
    expect(names).toHaveLength(documented().size);
  });

  it("knows the gauges that stages register under names of their own", () => {
    const inDocs = documented();
    const sources = readdirSync(new URL("src/", root), { recursive: true, withFileTypes: true });
    for (const entry of sources) {
      if (!entry.isFile() || !entry.name.endsWith(".ts")) continue;
      const source = readFileSync(`${entry.parentPath}/${entry.name}`, "utf8");
      for (const [, name] of source.matchAll(/\.observe\(\s*"([a-z_0-9]+)"/g)) {
        expect([...inDocs.keys()], entry.name).toContain(name);
      }
    }
  });
});

it("docs/METRICS.md tells the labels of calls as transport counts them", () => {
  const text = readFileSync(new URL("docs/METRICS.md", root), "utf8");
  const [method] = mountMethods({ service: EventIngestionService, implementation: {} });
  expect(/^\| `method` \|.*$/m.exec(text)![0]).toContain(`\`${method!.name}\``);
  const protocols: Record<CallRecord["protocol"], true> = {
    connect: true,
    grpc: true,
    "grpc-web": true,
    rest: true,
    page: true,
  };
  const row = /^\| `protocol` \|.*$/m.exec(text)![0];
  for (const protocol of Object.keys(protocols)) expect(row).toContain(`\`${protocol}\``);
});

it("the names that the contract fixes exist", () => {
  expect([...registered().keys()]).toEqual(
    expect.arrayContaining([
      "events_processed_total",
      "event_processing_duration_seconds",
      "kafka_consumer_lag_total",
      "errors_total",
      "service_uptime_seconds",
    ]),
  );
});

it("only counts of events, errors, dead letters, duplicates and rate limits carry the project", () => {
  const carrying = Object.entries(catalogue).flatMap(([name, { labels }]) =>
    (labels as readonly string[]).includes("project") ? [name] : [],
  );
  expect(carrying.sort()).toEqual([
    "errors_total",
    "events_processed_total",
    "weir_dead_letters_total",
    "weir_duplicates_total",
    "weir_rate_limited_total",
  ]);
});
