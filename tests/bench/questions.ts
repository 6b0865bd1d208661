/**
 * How fast the store answers, beside SQL written by hand for the same file:
 *
 *   node tests/bench/questions.ts [--events 10000000] [--file PATH] [--rounds 5]
 *
 * The store is filled with generated events (200,000 users, 20 names, 5 properties, 60 days), in the file of --file,
 * where it is kept for the next run, or in one that is removed. Then each question and its SQL run in turn, and the
 * medians are printed. Times of different machines cannot be compared, ratios of one run can.
 */
import { copyFileSync, existsSync, mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { type DuckDBConnection, DuckDBInstance } from "@duckdb/node-api";
import { Granularity } from "../../gen/analytics/v1/analytics_series_pb.js";
import { zoneOf } from "../../src/domain/zone.ts";
import { bucketsOf } from "../../src/query/buckets.ts";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import type { Question } from "../../src/store/questions.ts";
import type { EventStore } from "../../src/store/store.ts";
import { feed, feedStartMs, standardFeed } from "./layout-feed.ts";

const { values } = parseArgs({
  options: {
    events: { type: "string", default: "10000000" },
    file: { type: "string" },
    rounds: { type: "string", default: "5" },
  },
});

interface Row {
  readonly name: string;
  readonly question: Question;
  /** Statements that together answer the same. `{key}` stands for a key's column, `{counts of MAP}` for all of a map's. */
  readonly byHand: readonly string[];
}

const startUs = feedStartMs * 1000;
const endUs = startUs + standardFeed.days * 86_400e6;
const selection = { project: "default" };
const events = { kind: "events" } as const;
const ofProject = "FROM events WHERE project = 'default'";

function series(zone: string, granularity: Granularity): Question {
  const { starts, endUs: end } = bucketsOf(granularity, zoneOf(zone)!, startUs, endUs);
  return {
    kind: "series",
    selection: { ...selection, startUs, endUs },
    metric: events,
    starts,
    endUs: end,
    groupBy: [],
    groupLimit: 1,
  };
}

function breakdown(key: string, metric: "events" | "unique_users"): Question {
  const dimension = { kind: "property", key } as const;
  return { kind: "breakdown", selection, metric: { kind: metric }, dimension, limit: 10 };
}

const oneDay = { ...selection, startUs: startUs + 30 * 86_400e6, endUs: startUs + 31 * 86_400e6 };
const inOneDay = `${ofProject} AND timestamp_us >= ${oneDay.startUs} AND timestamp_us < ${oneDay.endUs}`;
const totals = "SELECT count(*), count(DISTINCT user_key), min(timestamp_us), max(timestamp_us)";
const types = "SELECT event_type, count(*)";
const names = "SELECT name, count(*) AS n, count(DISTINCT user_key)";
const user = "user-2000";
const lastOfUser = `SELECT * ${ofProject} AND user_id = '${user}' ORDER BY timestamp_us DESC LIMIT 100`;

const table: readonly Row[] = [
  {
    name: "summary, without sessions",
    question: { kind: "summary", selection, topLimit: 10 },
    byHand: [
      `${totals} ${ofProject}`,
      `${types} ${ofProject} GROUP BY event_type`,
      `${names} ${ofProject} GROUP BY name ORDER BY n DESC LIMIT 10`,
    ],
  },
  {
    name: "summary of one day, without sessions",
    question: { kind: "summary", selection: oneDay, topLimit: 10 },
    byHand: [
      `${totals} ${inOneDay}`,
      `${types} ${inOneDay} GROUP BY event_type`,
      `${names} ${inOneDay} GROUP BY name ORDER BY n DESC LIMIT 10`,
    ],
  },
  {
    name: "hourly series, events",
    question: series("UTC", Granularity.HOUR),
    byHand: [`SELECT (timestamp_us - ${startUs}) // 3600000000 AS hour, count(*) ${ofProject} GROUP BY hour`],
  },
  {
    name: "daily series in Europe/Berlin, events",
    question: series("Europe/Berlin", Granularity.DAY),
    // In these months that zone is one hour ahead.
    byHand: [`SELECT (timestamp_us + 3600000000) // 86400000000 AS day, count(*) ${ofProject} GROUP BY day`],
  },
  {
    name: "breakdown by a property, events",
    question: breakdown("page", "events"),
    byHand: [`SELECT {page} AS value, count(*) AS n ${ofProject} GROUP BY value ORDER BY n DESC LIMIT 10`],
  },
  {
    name: "breakdown by a property, unique users",
    question: breakdown("page", "unique_users"),
    byHand: [
      `SELECT {page} AS value, count(DISTINCT user_key) AS n ${ofProject} GROUP BY value ORDER BY n DESC LIMIT 10`,
      `SELECT count(DISTINCT user_key) ${ofProject}`,
    ],
  },
  {
    name: "timeline of one user",
    question: { kind: "events", selection, userId: user, limit: 100 },
    byHand: [lastOfUser],
  },
  {
    name: "newest events of all",
    question: { kind: "events", selection, limit: 100 },
    byHand: [`SELECT * ${ofProject} ORDER BY timestamp_us DESC LIMIT 100`],
  },
  {
    name: "names and keys",
    question: { kind: "dimensions", selection, limit: 100 },
    byHand: [
      `SELECT name, count(*) ${ofProject} GROUP BY name`,
      `SELECT {counts of properties} ${ofProject}`,
      `SELECT key, count(*) FROM (SELECT unnest(map_keys(properties)) AS key ${ofProject} AND cardinality(properties) > 0) GROUP BY key`,
      `SELECT {counts of measures} ${ofProject}`,
      `SELECT key, count(*) FROM (SELECT unnest(map_keys(measures)) AS key ${ofProject} AND cardinality(measures) > 0) GROUP BY key`,
    ],
  },
];

const directory = mkdtempSync(join(tmpdir(), "weir-bench-"));
try {
  const path = values.file ?? join(directory, "events.duckdb");
  if (!existsSync(path)) await fill(path);
  await measure(path);
} finally {
  rmSync(directory, { recursive: true });
}

async function fill(path: string): Promise<void> {
  const store = await createDuckdbStore({ path });
  await store.bind("bench", standardFeed.partitions);
  const options = { ...standardFeed, events: Number(values.events) };
  let [applyMs, peak] = [0, 0];
  for (const blocks of feed(options)) {
    const before = performance.now();
    await store.apply(blocks);
    applyMs += performance.now() - before;
    peak = Math.max(peak, process.memoryUsage.rss());
  }
  await store.close();
  print("microseconds to apply an event", (applyMs * 1000) / options.events);
  print("greatest resident MiB while loading", peak / 2 ** 20);
}

async function measure(path: string): Promise<void> {
  // A file of its own, since two instances of one process must not open the same.
  const copy = join(directory, "by-hand.duckdb");
  copyFileSync(path, copy);
  const store = await createDuckdbStore({ path });
  const instance = await DuckDBInstance.create(copy, { threads: "2", memory_limit: "1GiB" });
  const connection = await instance.connect();
  try {
    const read = await connection.runAndReadAll("SELECT map, key, name FROM key_columns");
    const columns = read.getRows().map((row) => row.map(String)) as [
      map: string,
      key: string,
      name: string,
    ][];
    const names = new Map(columns.map(([, key, name]) => [`{${key}}`, name]));
    for (const map of ["properties", "measures"]) {
      const counts = columns.filter(([of]) => of === map).map(([, , name]) => `count(${name})`);
      names.set(`{counts of ${map}}`, counts.join(", "));
    }
    print("bytes an event", statSync(path).size / Number(store.stats().rows));
    console.log(
      `${"question".padEnd(46)}${"ms".padStart(10)}${"by hand".padStart(10)}${"ratio".padStart(10)}`,
    );
    for (const row of table) {
      const statements = row.byHand.map((text) =>
        text.replaceAll(/\{[\w ]+\}/g, (key) => names.get(key) ?? key),
      );
      await measureRow(store, connection, { ...row, byHand: statements });
    }
    print("resident MiB after the questions", process.memoryUsage.rss() / 2 ** 20);
  } finally {
    connection.closeSync();
    instance.closeSync();
    await store.close();
  }
}

async function measureRow(
  store: EventStore,
  connection: DuckDBConnection,
  { name, question, byHand }: Row,
): Promise<void> {
  const options = { signal: new AbortController().signal, deadline: Number.POSITIVE_INFINITY };
  const ours: number[] = [];
  const theirs: number[] = [];
  // The first round warms up.
  for (let round = 0; round <= Number(values.rounds); round++) {
    const started = performance.now();
    await store.ask(question, options);
    const between = performance.now();
    for (const statement of byHand) await connection.runAndReadAll(statement);
    if (round === 0) continue;
    ours.push(between - started);
    theirs.push(performance.now() - between);
  }
  print(name, median(ours), median(theirs), median(ours) / median(theirs));
}

function median(times: readonly number[]): number {
  return times.toSorted((a, b) => a - b)[times.length >> 1]!;
}

function print(name: string, ...figures: number[]): void {
  console.log(`${name.padEnd(46)}${figures.map((f) => f.toFixed(f < 10 ? 2 : 0).padStart(10)).join("")}`);
}
