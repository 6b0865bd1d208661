/** Two projects on one server, over either store: every method of the contract is tried across the wall between them. */
import { hash } from "node:crypto";
import { create, type DescMethod, type Message, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError, createClient } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createWeirClient,
  errorReason,
  HealthStatus,
  IngestResult,
  Scope,
  type WeirClient,
} from "../../client/node/index.ts";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { isPlanned, scopeOf } from "../../src/contract/options.ts";
import { contractRegistry } from "../../src/contract/registry.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { methods } from "../support/method-calls.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const bootstrapKey = "the-operators-first-key-of-all";

/** One project: a client with all that its keys can have, and what was given to it alone. */
interface Side {
  readonly name: "red" | "blue";
  readonly weir: WeirClient;
  readonly keyId: string;
  visibilityToken: string;
}

/** Where they share ClickHouse. */
let installation: Installation | undefined;
let server: RunningServer;
let red: Side;
let blue: Side;
let operator: WeirClient;
const clients: WeirClient[] = [];
const client = (apiKey: string): WeirClient => {
  const made = createWeirClient({ url: server.url, apiKey, retry: { maxAttempts: 1 } });
  clients.push(made);
  return made;
};

/** Events of the same users and ids in both projects; every text of one says whose it is. */
const eventsOf = (name: string) =>
  ["sam", `${name}-user`].flatMap((userId) =>
    Array.from({ length: 3 }, (_, i) => ({
      id: `e-${i}`,
      userId,
      sessionId: `${name}-session`,
      name: `${name}-${i}`,
      source: `${name}-source`,
      properties: { [`${name}-key`]: `${name}-value` },
      measures: { [`${name}-measure`]: name === "red" ? 1 : 1000 },
      timestamp: { seconds: 1_700_000_000n + BigInt(i), nanos: 0 },
    })),
  );

beforeAll(async () => {
  const env = { WEIR_AUTH: "required", WEIR_BOOTSTRAP_KEY: bootstrapKey };
  if (process.env.WEIR_TEST_STORE === "clickhouse") {
    installation = await startInstallation({ env });
    server = await installation.serve("all");
  } else {
    server = await startServer({ env });
  }
  operator = client(bootstrapKey);
  const side = async (name: Side["name"]): Promise<Side> => {
    const { secret } = await operator.admin.createProject({
      projectId: name,
      displayName: `${name} project`,
    });
    const scopes = [Scope.INGEST, Scope.QUERY, Scope.ADMIN];
    const made = await client(secret).admin.createApiKey({ name: `${name}-all`, scopes });
    const weir = client(made.secret);
    const sent = await weir.ingestion.ingestEvents({ events: eventsOf(name), options: { durability: 3 } });
    // The same ids and users, and none a duplicate of the other project's.
    expect(sent).toMatchObject({ acceptedCount: 6, duplicateCount: 0 });
    return { name, weir, keyId: made.key!.keyId, visibilityToken: sent.visibilityToken };
  };
  red = await side("red");
  blue = await side("blue");
});
afterAll(async () => {
  for (const one of clients) await one.close();
  await server?.stop();
  await installation?.close();
});

const { method: ask } = AnalyticsService;
const { method: admin } = AdminService;
const range = { start: { seconds: 1_600_000_000n, nanos: 0 }, end: { seconds: 1_800_000_000n, nanos: 0 } };

/** Questions whose answer is all about a project's events, each with the marks of whose they are. */
const questions: readonly (readonly [DescMethod, (side: Side) => Record<string, unknown>])[] = [
  [ask.getAnalyticsSummary, () => ({ includeSessions: true })],
  [
    ask.getTimeSeries,
    () => ({ metric: "unique_users", granularity: 3, groupBy: ["name"], timeRange: range }),
  ],
  [ask.getBreakdown, () => ({ dimension: "source" })],
  [
    ask.getFunnelAnalysis,
    ({ name }) => ({ steps: [{ name: `${name}-0` }, { name: `${name}-1` }], breakdown: "source" }),
  ],
  [ask.getRetention, ({ name }) => ({ startEvent: { name: `${name}-0` }, timeRange: range })],
  [ask.getPaths, () => ({})],
  [ask.getUserAnalytics, () => ({ userId: "sam" })],
  [ask.listEvents, () => ({})],
  [ask.listDimensions, () => ({})],
  [ask.exportEvents, () => ({})],
  [admin.listApiKeys, () => ({})],
];

/** All that a method answers, as text. */
async function answerOf({ weir }: Side, method: DescMethod, init: Record<string, unknown>): Promise<string> {
  const call = (createClient(method.parent, weir.transport) as Record<string, unknown>)[method.localName] as (
    request: Message,
  ) => Promise<Message> | AsyncIterable<Message>;
  const answer = call(create(method.input, init));
  const print = (message: Message): string => {
    if ("data" in message && message.data instanceof Uint8Array) return Buffer.from(message.data).toString();
    return JSON.stringify(toJson(method.output, message, { registry: contractRegistry }));
  };
  if (!(Symbol.asyncIterator in answer)) return print(await answer);
  const parts: string[] = [];
  for await (const message of answer) parts.push(print(message));
  return parts.join("");
}

async function failure(work: () => Promise<unknown>): Promise<[code: string, reason: string | undefined]> {
  const error = await work().then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  return [error === undefined ? "OK" : Code[error.code]!, errorReason(error)];
}

const both = (): [Side, Side][] => [
  [red, blue],
  [blue, red],
];

describe("what is asked", () => {
  it.each(questions.map(([method, init]) => ({ name: method.name, method, init })))(
    "$name tells of the caller's project alone, whoever asked before",
    async ({ method, init }) => {
      const answers = new Map<string, string>();
      for (const [own, other] of [...both(), ...both()]) {
        const answer = await answerOf(own, method, init(own));
        expect(answer, own.name).not.toContain(other.name);
        expect(answers.get(own.name) ?? answer).toBe(answer);
        answers.set(own.name, answer);
      }
      // Retention has figures alone, which say nothing of whose they are.
      if (method !== ask.getRetention) expect(answers.get("red")).toContain("red");
    },
  );

  it("finds nothing by the other project's names, users and values", async () => {
    for (const [own, other] of both()) {
      const filter = `name == "${other.name}-0" || source == "${other.name}-source" || user_id == "${other.name}-user"`;
      expect((await own.weir.analytics.listEvents({ filter })).events).toEqual([]);
      expect((await own.weir.analytics.getAnalyticsSummary({ filter })).totalEvents).toBe(0n);
      const user = () => own.weir.analytics.getUserAnalytics({ userId: `${other.name}-user` });
      expect(await failure(user)).toEqual(["NotFound", "NOT_FOUND"]);
    }
  });
});

describe("what was given to one project", () => {
  /** Bytes changed one by one, and what has the right length and is nothing. */
  const forged = (token: string): string[] => {
    const bytes = Buffer.from(token, "base64url");
    const flipped = [0, bytes.length >> 1, bytes.length - 1].map((at) => {
      const copy = Buffer.from(bytes);
      copy[at]! ^= 1;
      return copy.toString("base64url");
    });
    return [...flipped, Buffer.alloc(bytes.length).toString("base64url"), token.slice(0, -4), "x"];
  };

  async function expectRefused(
    tokens: readonly string[],
    use: (token: string) => Promise<unknown>,
  ): Promise<void> {
    for (const token of tokens) {
      expect(await failure(() => use(token)), token).toEqual(["InvalidArgument", "INVALID_TOKEN"]);
    }
  }

  it("does not serve the other: visibility tokens", async () => {
    for (const [own, other] of both()) {
      const tokens = [other.visibilityToken, ...forged(own.visibilityToken)];
      for (const minVisibility of tokens) {
        for (const method of [
          () => own.weir.analytics.getAnalyticsSummary({ minVisibility: [minVisibility] }),
          () => own.weir.analytics.listEvents({ minVisibility: [own.visibilityToken, minVisibility] }),
          () => own.weir.analytics.getUserAnalytics({ userId: "sam", minVisibility: [minVisibility] }),
        ]) {
          expect(await failure(method)).toEqual(["InvalidArgument", "INVALID_TOKEN"]);
        }
      }
    }
  });

  it("does not serve the other: page tokens", async () => {
    for (const [own, other] of both()) {
      const lists: readonly ((side: Side, pageToken: string) => Promise<{ nextPageToken: string }>)[] = [
        ({ weir }, pageToken) => weir.analytics.listEvents({ pageSize: 1, pageToken }),
        async ({ weir }, pageToken) =>
          weir.analytics.getUserAnalytics({ userId: "sam", pageSize: 1, pageToken }),
        ({ weir }, pageToken) => weir.admin.listApiKeys({ pageSize: 1, pageToken }),
      ];
      for (const list of lists) {
        const { nextPageToken } = await list(other, "");
        expect(nextPageToken).not.toBe("");
        const mine = (await list(own, "")).nextPageToken;
        await expectRefused([nextPageToken, ...forged(mine)], (token) => list(own, token));
        await list(own, mine);
      }
      const [events, keys] = [await lists[0]!(own, ""), await lists[2]!(own, "")];
      await expectRefused([keys.nextPageToken], (token) => lists[0]!(own, token));
      await expectRefused([events.nextPageToken], (token) => lists[2]!(own, token));
    }
  });

  it("does not serve the other: ids of keys", async () => {
    for (const [own, other] of both()) {
      const operators = `bootstrap-${hash("sha256", bootstrapKey).slice(0, 8)}`;
      for (const keyId of [other.keyId, operators, "../keys"]) {
        expect(await failure(() => own.weir.admin.revokeApiKey({ keyId }))).toEqual([
          "NotFound",
          "NOT_FOUND",
        ]);
      }
    }
    expect((await red.weir.analytics.getAnalyticsSummary({})).totalEvents).toBe(6n);
  });

  it("does not serve the other: its id as that of the project of a key, whether there is one or not", async () => {
    for (const [own, other] of both()) {
      for (const projectId of [other.name, "default", "nowhere"]) {
        const make = () => own.weir.admin.createApiKey({ name: "k", scopes: [Scope.QUERY], projectId });
        expect(await failure(make), projectId).toEqual(["PermissionDenied", "INSUFFICIENT_SCOPE"]);
      }
      expect((await other.weir.admin.listApiKeys({})).keys.map(({ name }) => name)).not.toContain("k");
    }
  });

  it("does not serve the other: settings", async () => {
    await red.weir.admin.updateProjectSettings({ settings: { retentionDays: 7 } });
    expect((await blue.weir.admin.getProjectSettings({})).settings?.retentionDays).toBeUndefined();
    await red.weir.admin.updateProjectSettings({ settings: {} });
  });

  it("does not serve the other: dead letters, of which there are none to see by any id", async () => {
    const deadLetterIds = ["0-0", "0-1", "1-0"];
    for (const [own] of both()) {
      expect((await own.weir.admin.listDeadLetters({})).deadLetters).toEqual([]);
      expect((await own.weir.admin.replayDeadLetters({ deadLetterIds })).missingIds).toEqual(deadLetterIds);
      expect((await own.weir.admin.discardDeadLetters({ deadLetterIds })).missingIds).toEqual(deadLetterIds);
    }
  });

  it("does not serve the other: live streams and their cursors", async () => {
    const ending = new AbortController();
    const read = async (side: Side, cursor: string) => {
      const stream = side.weir.analytics.tailEvents({ cursor }, { signal: ending.signal });
      const found: { names: string[]; cursor: string } = { names: [], cursor: "" };
      for await (const message of stream) {
        found.names.push(...message.events.map(({ event }) => event!.name));
        found.cursor = message.cursor || found.cursor;
        if (found.names.length > 0) break;
      }
      return found;
    };
    const window = async (side: Side, cursor: string) => {
      for await (const message of side.weir.analytics.getRealTimeAnalytics(
        { cursor },
        { signal: ending.signal },
      )) {
        if (message.window !== undefined) return message;
      }
      throw new Error("no window came");
    };
    // What began before is told from the log, so that nothing depends on who is first.
    const start = { red: (await window(red, "")).cursor, blue: (await window(blue, "")).cursor };
    const tails = [read(red, ""), read(blue, "")];
    const once = async (side: Side) => {
      const event = { userId: "sam", name: `${side.name}-live` };
      await side.weir.ingestion.ingestEvent({ event });
    };
    await expect
      .poll(
        async () => {
          await once(red);
          await once(blue);
          return Promise.race([
            Promise.all(tails).then(() => true),
            new Promise((r) => setImmediate(() => r(false))),
          ]);
        },
        { timeout: 20_000, interval: 50 },
      )
      .toBe(true);
    const [ofRed, ofBlue] = await Promise.all(tails);
    expect(new Set(ofRed!.names)).toEqual(new Set(["red-live"]));
    expect(new Set(ofBlue!.names)).toEqual(new Set(["blue-live"]));
    await expectRefused([ofBlue!.cursor, start.red, ...forged(ofRed!.cursor)], (cursor) => read(red, cursor));
    await expectRefused([start.blue, ofRed!.cursor, ...forged(start.red)], (cursor) => window(red, cursor));
    const again = await window(red, start.red);
    expect(again.window!.topEvents.map(({ name }) => name).filter((name) => name.startsWith("blue"))).toEqual(
      [],
    );
    ending.abort();
  });

  it("tells nothing of what all projects share: tokens and cursors cannot be read", async () => {
    const ending = new AbortController();
    const cursorOf = async (answer: AsyncIterable<{ cursor: string }>) => {
      for await (const { cursor } of answer) if (cursor !== "") return cursor;
      throw new Error("no cursor came");
    };
    const { analytics } = red.weir;
    const { partitions } = await operator.consumer.getConsumerLag({});
    const given = [
      red.visibilityToken,
      (await analytics.listEvents({ pageSize: 1 })).nextPageToken,
      await cursorOf(analytics.getRealTimeAnalytics({}, { signal: ending.signal })),
    ];
    ending.abort();
    // How a position, a list's place and whose a token is are written before they are sealed.
    const ends = partitions.map(({ endOffset }) => {
      const bytes = Buffer.alloc(8);
      bytes.writeDoubleLE(Number(endOffset));
      return bytes;
    });
    const written = [
      ...ends,
      Buffer.from('","red-user",'),
      Buffer.from('","sam",'),
      Buffer.from("\x03red\x20"),
    ];
    expect(ends.length).toBeGreaterThan(1);
    for (const token of given) {
      const bytes = Buffer.from(token, "base64url");
      expect(written.filter((part) => bytes.includes(part))).toEqual([]);
    }
  });
});

describe("what is sent", () => {
  it("is a duplicate of the own project's events alone, by every method that takes events", async () => {
    for (const [own] of both()) {
      const event = { id: "late", userId: "sam", name: `${own.name}-late` };
      const flat = (id: string) => ({ id, userId: "sam", eventType: `${own.name}-flat` });
      const results = [
        (await own.weir.ingestion.ingestEvent({ event })).result,
        (await own.weir.ingestion.ingestEvent({ event })).result,
        (await own.weir.producer.sendEvent({ event: flat("flat") })).result,
        (await own.weir.producer.sendEventAsync({ event: flat("async") })).result,
      ];
      const { ACCEPTED, DUPLICATE, QUEUED } = IngestResult;
      expect(results).toEqual([ACCEPTED, DUPLICATE, ACCEPTED, QUEUED]);
      const batch = await own.weir.producer.sendBatchEvents({ events: [flat("batch"), flat("flat")] });
      expect(batch).toMatchObject({ acceptedCount: 1, duplicateCount: 1 });
      async function* stream() {
        yield create(EventIngestionService.method.streamEvents.input, {
          message: { case: "config", value: {} },
        });
        const events = [{ ...event, id: "streamed" }, event];
        yield create(EventIngestionService.method.streamEvents.input, {
          message: { case: "batch", value: { sequence: 1n, events } },
        });
      }
      for await (const { message } of own.weir.ingestion.streamEvents(stream())) {
        if (message.case === "ack")
          expect(message.value.result).toMatchObject({ acceptedCount: 1, duplicateCount: 1 });
      }
    }
  });
});

it("what is the platform's is refused to both, and each service's health says nothing of projects", async () => {
  for (const [own] of both()) {
    for (const { method } of methods.filter(({ method }) => scopeOf(method) === Scope.PLATFORM)) {
      const init = method === admin.createProject ? { projectId: "green" } : {};
      expect(await failure(() => answerOf(own, method, init)), method.name).toEqual([
        "PermissionDenied",
        "INSUFFICIENT_SCOPE",
      ]);
    }
    for (const method of healths) {
      const answer = await answerOf(own, method, {});
      expect(answer).toContain(HealthStatus[HealthStatus.HEALTHY]);
      expect(answer).not.toMatch(/red|blue/);
    }
  }
});

const healths: readonly DescMethod[] = [
  EventIngestionService.method.health,
  ProducerService.method.getProducerHealth,
  ConsumerService.method.getConsumerHealth,
  ask.getAnalyticsHealth,
  MetricsService.method.health,
];

it("no method of the contract is left out here", () => {
  const tried = new Set<DescMethod>([
    ...questions.map(([method]) => method),
    ...healths,
    ...EventIngestionService.methods,
    ...ProducerService.methods,
    ask.tailEvents,
    ask.getRealTimeAnalytics,
    admin.createApiKey,
    admin.revokeApiKey,
    admin.getProjectSettings,
    admin.updateProjectSettings,
    admin.listDeadLetters,
    admin.replayDeadLetters,
    admin.discardDeadLetters,
  ]);
  const left = methods.filter(
    ({ method }) => !tried.has(method) && !isPlanned(method) && scopeOf(method) !== Scope.PLATFORM,
  );
  expect(left.map(({ name }) => name)).toEqual([]);
});
