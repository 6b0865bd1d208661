/** Exports by every protocol, read by programs that are not ours: curl, a parser of CSV, DuckDB. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { connect } from "node:http2";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create, fromJson, toBinary } from "@bufbuild/protobuf";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { DuckDBInstance, type DuckDBMapValue } from "@duckdb/node-api";
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import { createWeirClient, EventSchema, type StoredEvent, type WeirClient } from "../../client/node/index.ts";
import { ExportEventsRequestSchema, ExportFormat } from "../../gen/analytics/v1/analytics_events_pb.js";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { runCommand } from "../support/command.ts";
import { parseCsv } from "../support/csv.ts";
import { curl, curlGet } from "../support/curl.ts";
import { caughtUp } from "../support/figures.ts";
import { oddEvents } from "../support/odd-events.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { timestamp } from "../support/store.ts";

const events = [
  ...oddEvents(400),
  ...Array.from({ length: 3000 }, (_, i) => ({
    id: `plain-${i}`,
    userId: `user-${i % 30}`,
    name: i % 3 === 0 ? "buy" : "view",
    timestamp: timestamp(1_700_000_000_000_000 + i * 50_000_000),
    properties: { plan: i % 2 === 0 ? "pro" : "free", text: "x".repeat(400) },
    measures: { amount: i / 7 },
  })),
];

let directory: string;
let server: RunningServer;
let client: WeirClient;
/** As the server lists them, in the order of an export. */
let listed: StoredEvent[];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-exports-"));
  // Keys get columns after the first events, so that there are rows of both kinds.
  server = await startServer({ args: ["--max-exports", "1"] });
  client = createWeirClient({ url: server.url });
  for (let at = 0; at < events.length; at += 500) {
    const options = { durability: Durability.APPLIED };
    const sent = await client.ingestion.ingestEvents({ events: events.slice(at, at + 500), options });
    expect(sent.rejected).toEqual([]);
  }
  listed = [];
  for (let pageToken: string | undefined; pageToken !== ""; ) {
    const page = await client.analytics.listEvents({ pageSize: 1000, pageToken: pageToken ?? "" });
    listed.unshift(...page.events.reverse());
    pageToken = page.nextPageToken;
  }
});
afterAll(async () => {
  await client.close();
  await server.stop();
  rmSync(directory, { recursive: true });
});

const exportUrl = (of: RunningServer) => `${of.url}/v1/analytics/export`;

/** Downloads an export as users do. @returns the file's path */
async function download(of: RunningServer, format: keyof typeof ExportFormat, ...parameters: string[]) {
  const file = join(directory, `${new URL(of.url).port}.${format}`);
  const query = [`format=EXPORT_FORMAT_${format}`, ...parameters].flatMap((p) => ["--data-urlencode", p]);
  const { code, stderr } = await runCommand("curl", ["-sS", "-f", "-G", "-o", file, ...query, exportUrl(of)]);
  expect(stderr).toBe("");
  expect(code).toBe(0);
  return file;
}

const microseconds = ({ seconds, nanos }: { seconds: bigint; nanos: number }) =>
  Number(seconds) * 1_000_000 + nanos / 1000;

/** What every format says of an event. */
function plain({ event, receivedTime }: StoredEvent) {
  const { id, userId, sessionId, eventType, name, source, properties, measures } = event!;
  return {
    id,
    userId,
    sessionId,
    eventType: ["", "user", "transaction", "system", "custom"][eventType],
    name,
    timestampUs: microseconds(event!.timestamp!),
    source,
    receivedUs: microseconds(receivedTime!),
    properties: { ...properties },
    measures: { ...measures },
  };
}

describe("an export", () => {
  test("as NDJSON has the events as they are listed, one a line, oldest first", async () => {
    const lines = readFileSync(await download(server, "NDJSON"), "utf8").split("\n");
    expect(lines.pop()).toBe("");
    const exported = lines.map((line) => fromJson(EventSchema, JSON.parse(line)));
    expect(exported).toEqual(listed.map(({ event }) => event));
    expect(Object.keys(JSON.parse(lines[0]!))).toEqual(
      "id user_id session_id event_type name timestamp source properties measures".split(" "),
    );
  });

  test("as CSV has the same, by RFC 4180", async () => {
    const [header, ...records] = parseCsv(readFileSync(await download(server, "CSV"), "utf8"));
    expect(header).toEqual(
      "id user_id session_id event_type name timestamp source received_time properties measures".split(" "),
    );
    const microsecondsOf = (time: string) => {
      expect(time).toMatch(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z$/);
      return Date.parse(`${time.slice(0, 19)}Z`) * 1000 + Number(time.slice(20, 26));
    };
    const exported = records.map(
      ([id, userId, sessionId, eventType, name, time, source, received, ...maps]) => ({
        ...{ id, userId, sessionId, eventType, name, source },
        timestampUs: microsecondsOf(time!),
        receivedUs: microsecondsOf(received!),
        properties: JSON.parse(maps[0]!),
        measures: JSON.parse(maps[1]!),
      }),
    );
    expect(exported).toEqual(listed.map(plain));
  });

  test("as Parquet has the same, with times and maps of their own types", async () => {
    const file = await download(server, "PARQUET");
    const duckdb = await (await DuckDBInstance.create(":memory:")).connect();
    const described = await duckdb.runAndReadAll(`DESCRIBE SELECT * FROM read_parquet('${file}')`);
    expect(described.getRows().map(([name, type]) => `${name} ${type}`)).toEqual([
      ...["id", "user_id", "session_id", "event_type", "name"].map((name) => `${name} VARCHAR`),
      "timestamp TIMESTAMP WITH TIME ZONE",
      "source VARCHAR",
      "received_time TIMESTAMP WITH TIME ZONE",
      "properties MAP(VARCHAR, VARCHAR)",
      "measures MAP(VARCHAR, DOUBLE)",
    ]);
    const read = await duckdb.runAndReadAll(
      `SELECT * REPLACE (epoch_us("timestamp") AS "timestamp", epoch_us(received_time) AS received_time)
       FROM read_parquet('${file}') ORDER BY "timestamp", id, user_id`,
    );
    const entries = (value: unknown) =>
      Object.fromEntries((value as DuckDBMapValue).entries.map(({ key, value }) => [key, value]));
    const exported = read.getRows().map((row) => ({
      id: row[0],
      userId: row[1],
      sessionId: row[2],
      eventType: row[3],
      name: row[4],
      timestampUs: Number(row[5]),
      source: row[6],
      receivedUs: Number(row[7]),
      properties: entries(row[8]),
      measures: entries(row[9]),
    }));
    expect(exported).toEqual(listed.map(plain));
  });

  test("of a range and a filter has just their events", async () => {
    const [start, end] = ["2023-11-15T00:00:00Z", "2023-11-16T00:00:00Z"];
    const parameters = [
      `time_range.start=${start}`,
      `time_range.end=${end}`,
      "filter=measures.amount > 100.0",
    ];
    const file = await download(server, "NDJSON", ...parameters);
    const expected = listed.filter(({ event }) => {
      const ms = microseconds(event!.timestamp!) / 1000;
      return ms >= Date.parse(start) && ms < Date.parse(end) && (event!.measures.amount ?? 0) > 100;
    });
    expect(expected.length).toBeGreaterThan(100);
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    expect(lines.map((line) => JSON.parse(line).id)).toEqual(expected.map(({ event }) => event!.id));
  });

  test("of nothing is a whole file of its format", async () => {
    const none = 'filter=name == "none such"';
    expect(readFileSync(await download(server, "NDJSON", none), "utf8")).toBe("");
    const csv = readFileSync(await download(server, "CSV", none), "utf8");
    expect(parseCsv(csv)).toHaveLength(1);
    const file = await download(server, "PARQUET", none);
    const duckdb = await (await DuckDBInstance.create(":memory:")).connect();
    const read = await duckdb.runAndReadAll(`SELECT count(*), count(id) FROM read_parquet('${file}')`);
    expect(read.getRows()).toEqual([[0n, 0n]]);
  });

  test.each([
    ["NDJSON", "application/x-ndjson", "events.ndjson"],
    ["CSV", "text/csv; charset=utf-8", "events.csv"],
    ["PARQUET", "application/vnd.apache.parquet", "events.parquet"],
  ] as const)(
    "as %s is the same by every protocol, in pieces of at most 1 MiB",
    async (format, type, name) => {
      const url = `${exportUrl(server)}?format=EXPORT_FORMAT_${format}`;
      const { headers } = await curl("-I", url);
      expect([headers.get("content-type"), headers.get("content-disposition")]).toEqual([
        type,
        `attachment; filename="${name}"`,
      ]);
      // A Parquet file's rows are in no order.
      const whole = format === "PARQUET" ? undefined : readFileSync(await download(server, format));
      for (const options of [
        { transport: "grpc" },
        { transport: "grpc-web" },
        { transport: "connect" },
        { transport: "connect", format: "json" },
      ] as const) {
        const other = createWeirClient({ url: server.url, ...options });
        const pieces: Uint8Array[] = [];
        const heads: string[] = [];
        for await (const piece of other.analytics.exportEvents({ format: ExportFormat[format] })) {
          pieces.push(piece.data);
          heads.push(`${piece.contentType} ${piece.fileName}`.trim());
        }
        await other.close();
        expect(heads).toEqual([`${type} ${name}`, ...Array(pieces.length - 1).fill("")]);
        for (const { length } of pieces) expect(length).toBeLessThanOrEqual(1024 ** 2);
        const bytes = Buffer.concat(pieces);
        if (whole === undefined) expect(bytes.subarray(-4).toString()).toBe("PAR1");
        else expect(bytes.equals(whole), options.transport).toBe(true);
      }
    },
  );

  test("imported again gives the same answers, and the same export", async () => {
    const file = await download(server, "NDJSON");
    const second = await startServer();
    try {
      const sent = await weir(["send", file, "--url", second.url, "--json"]);
      expect(JSON.parse(sent.stdout)).toMatchObject({ accepted: events.length, duplicates: 0, rejected: 0 });
      const days = [
        ["granularity", "GRANULARITY_MONTH"],
        ["time_zone", "Europe/Berlin"],
        ["group_by", "plan"],
      ] as const;
      const questions: [path: string, parameters: readonly (readonly [string, string])[]][] = [
        ["summary", [["include_sessions", "true"]]],
        ["timeseries", [...days, ["metric", "unique_users"]]],
        ["timeseries", [...days, ["metric", "p90(amount)"]]],
        [
          "breakdown",
          [
            ["dimension", "name"],
            ["metric", "sessions"],
          ],
        ],
        ["breakdown", [["dimension", "event_type"]]],
        ["dimensions", [["limit", "1000"]]],
        ["users/user-7", []],
        ["events", [["page_size", "1000"]]],
      ];
      const ask = async (of: RunningServer, [path, parameters]: (typeof questions)[number]) => {
        const answer = await curlGet(`${of.url}/v1/analytics/${path}`, parameters);
        // When they came, and what is sealed by the server's own secret, differs.
        return JSON.parse(
          JSON.stringify(answer, (key, value) => (/received_time|page_token/.test(key) ? undefined : value)),
        );
      };
      await caughtUp(second.url);
      for (const question of questions) {
        expect(await ask(second, question), question[0]).toEqual(await ask(server, question));
      }
      const again = readFileSync(await download(second, "NDJSON"));
      expect(again.equals(readFileSync(file))).toBe(true);
    } finally {
      await second.stop();
    }
  });
});

describe("beyond the number of exports at once", () => {
  const path = "/analytics.v1.AnalyticsService/ExportEvents";
  const body = encodeEnvelope(0, toBinary(ExportEventsRequestSchema, create(ExportEventsRequestSchema)));

  /** Begins an export by gRPC and reads none of it. @returns what leaves it */
  async function begin(headers: Record<string, string> = {}): Promise<() => void> {
    const session = connect(server.url);
    const stream = session.request({
      ":method": "POST",
      ":path": path,
      "content-type": "application/grpc",
      te: "trailers",
      ...headers,
    });
    stream.on("error", () => {});
    stream.end(body);
    await new Promise((resolve) => stream.once("response", resolve));
    return () => session.destroy();
  }

  test("one is refused and told when to come again, until a reader has left", async () => {
    const leave = await begin();
    const { status, headers, body: answer } = await curl(exportUrl(server));
    expect([status, headers.get("retry-after")]).toEqual([429, "1"]);
    expect(JSON.parse(answer).details.map((detail: { "@type": string }) => detail["@type"])).toContain(
      "type.googleapis.com/google.rpc.RetryInfo",
    );
    leave();
    await vi.waitFor(async () => expect((await curl(exportUrl(server))).status).toBe(200), {
      timeout: 10_000,
    });
  });

  test("a reader whose deadline has passed counts no more, though it has not left", async () => {
    const leave = await begin({ "grpc-timeout": "300m" });
    await vi.waitFor(async () => expect((await curl(exportUrl(server))).status).toBe(200), {
      timeout: 10_000,
    });
    leave();
  });
});

test("what is wrong with a question is an error of its own, before any file", async () => {
  for (const [query, field] of [
    ["format=EXPORT_FORMAT_XML", "format"],
    ["filter=nope", "filter"],
    ["time_range.start=2024-01-02T00:00:00Z&time_range.end=2024-01-01T00:00:00Z", "time_range"],
    ["min_visibility=nope", "min_visibility"],
  ]) {
    const { status, headers, body } = await curl(`${exportUrl(server)}?${query}`);
    expect([status, headers.get("content-type"), headers.get("content-disposition")], query).toEqual([
      400,
      "application/json",
      null,
    ]);
    expect(body, query).toContain(field);
  }
});
