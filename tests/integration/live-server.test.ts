import { spawn } from "node:child_process";
import { once } from "node:events";
import { connect as connectHttp2 } from "node:http2";
import { create, fromBinary, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import {
  createWeirClient,
  errorReason,
  type NodeWeirClientOptions,
  type WeirClient,
} from "../../client/node/index.ts";
import {
  type GetRealTimeAnalyticsResponse,
  TailEventsRequestSchema,
  type TailEventsResponse,
  TailEventsResponseSchema,
} from "../../gen/analytics/v1/analytics_live_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { reading } from "../support/reading.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { envelope } from "../support/wires.ts";

const protocols = ["grpc", "connect", "grpc-web"] as const;

let server: RunningServer;
const clients: WeirClient[] = [];
beforeAll(async () => {
  server = await startServer();
});
afterEach(async () => {
  for (const client of clients.splice(0)) await client.close();
});
afterAll(() => server.stop());

function connect(options: Partial<NodeWeirClientOptions> = {}): WeirClient {
  const client = createWeirClient({ url: server.url, retry: { maxAttempts: 1 }, ...options });
  clients.push(client);
  return client;
}

const idsOf = (messages: readonly TailEventsResponse[]) =>
  messages.flatMap(({ events }) => events.map(({ event }) => event!.id));
const cursorOf = (messages: readonly { cursor: string }[]) =>
  messages.findLast(({ cursor }) => cursor !== "")!.cursor;
const has = (name: string) => (message: GetRealTimeAnalyticsResponse) =>
  message.window?.topEvents.some((top) => top.name === name) ?? false;

/** A client that sends batches at a steady rate, in a process of its own. */
function startLoad(eventsPerSecond: number) {
  const args = ["tests/bench/ingest-client.ts", server.url, "60", "500", "4", String(eventsPerSecond)];
  const child = spawn(process.execPath, args, { stdio: "ignore" });
  const ended = once(child, "close");
  return {
    async stop() {
      child.kill();
      await ended;
    },
  };
}

async function failure(call: Promise<unknown>): Promise<string> {
  try {
    await call;
  } catch (error) {
    return `${Code[ConnectError.from(error).code]} ${errorReason(error)}`;
  }
  throw new Error("the call went well");
}

describe.each(protocols)("over %s", (protocol) => {
  it("an event is in the window of another client with the next updates after its acknowledgement, under load", async () => {
    const [sender, watcher] = [connect(), connect({ transport: protocol })];
    const probes = reading(
      watcher.analytics.getRealTimeAnalytics({ filter: 'name.startsWith("probe")', limit: 1000 }),
    );
    const whole = reading(watcher.analytics.getRealTimeAnalytics({}));
    await probes.next();
    await whole.next();
    const load = startLoad(20_000);
    try {
      await whole.until(({ window }) => window !== undefined && window.events >= 1000n);
      let isOver = false;
      const first = whole.all.length;
      const updates = whole.until(() => isOver);
      for (let i = 0; i < 10; i++) {
        const name = `probe-${protocol}-${i}`;
        const seen = probes.until(has(name)).then(() => whole.all.length);
        await sender.ingestion.ingestEvent({ event: { id: name, userId: "probe", name } });
        // The other window has an update each time that the log was read for both.
        const before = whole.all.length;
        const late = (await seen) - before;
        expect(late, name).toBeLessThanOrEqual(3);
      }
      expect(whole.all.length).toBeGreaterThan(first);
      isOver = true;
      await updates;
    } finally {
      await load.stop();
    }
  });

  it("a tail gives what its filter takes, in the form of other answers", async () => {
    const client = connect({ transport: protocol });
    // By a key of its own: what the load sent last may still arrive.
    const tail = reading(client.analytics.tailEvents({ filter: 'properties.tier == "pro"' }));
    expect(await tail.next()).toMatchObject({ events: [], skipped: 0n });
    const id = (i: number) => `${protocol}-tail-${i}`;
    await client.ingestion.ingestEvents({
      events: Array.from({ length: 10 }, (_, i) => ({
        id: id(i),
        userId: `u-${i}`,
        name: "view",
        properties: { tier: i % 2 ? "pro" : "free" },
        payload: { case: "userEvent", value: { pageUrl: "/a" } },
      })),
    });
    await tail.until(() => idsOf(tail.all).length >= 5);
    expect(idsOf(tail.all).sort()).toEqual([1, 3, 5, 7, 9].map(id));
    const [{ event, receivedTime }] = [tail.all.flatMap(({ events }) => events)[0]!];
    expect(event).toMatchObject({
      name: "view",
      properties: { tier: "pro", "user.page_url": "/a" },
      payload: { case: undefined },
    });
    expect(Number(receivedTime!.seconds)).toBeGreaterThan(0);
  });

  it("metrics stream, then only what changed", async () => {
    const client = connect({ transport: protocol });
    const names = ["service_uptime_seconds", "weir_rpcs_in_flight"];
    const metrics = reading(client.metrics.streamMetrics({ names, interval: { seconds: 1n } }));
    expect((await metrics.next()).series.map(({ name }) => name)).toEqual(names);
    expect((await metrics.next()).series.map(({ name }) => name)).toContain("service_uptime_seconds");
  });

  it("a bad filter, cursor, window or interval is refused with its reason", async () => {
    const { analytics } = connect({ transport: protocol });
    const cursors = {
      window: (await reading(analytics.getRealTimeAnalytics({})).next()).cursor,
      tail: (await reading(analytics.tailEvents({})).next()).cursor,
    };
    const window = (request: Parameters<typeof analytics.getRealTimeAnalytics>[0]) =>
      failure(reading(analytics.getRealTimeAnalytics(request)).next());
    const tail = (request: Parameters<typeof analytics.tailEvents>[0]) =>
      failure(reading(analytics.tailEvents(request)).next());
    expect(await window({ filter: "nothing == 1" })).toBe("InvalidArgument INVALID_FILTER");
    expect(await tail({ filter: 'name == "a' })).toBe("InvalidArgument INVALID_FILTER");
    expect(await window({ window: { seconds: 0n } })).toBe("InvalidArgument INVALID_REQUEST");
    expect(await window({ window: { seconds: 3601n } })).toBe("InvalidArgument INVALID_REQUEST");
    expect(await window({ interval: { nanos: 1 } })).toBe("InvalidArgument INVALID_REQUEST");
    expect(await window({ limit: 1001 })).toBe("InvalidArgument INVALID_REQUEST");
    // A cursor goes on with its own question only, unchanged.
    expect(await window({ cursor: cursors.tail })).toBe("InvalidArgument INVALID_TOKEN");
    expect(await tail({ cursor: cursors.window })).toBe("InvalidArgument INVALID_TOKEN");
    expect(await tail({ cursor: cursors.tail, filter: 'name == "a"' })).toBe("InvalidArgument INVALID_TOKEN");
    expect(await window({ cursor: cursors.window, window: { seconds: 5n } })).toBe(
      "InvalidArgument INVALID_TOKEN",
    );
    // Not its end, whose last bits may be of no byte.
    const [at, other] = [10, cursors.tail[10] === "A" ? "B" : "A"];
    const forged = cursors.tail.slice(0, at) + other + cursors.tail.slice(at + 1);
    expect(await tail({ cursor: forged })).toBe("InvalidArgument INVALID_TOKEN");
    expect(await tail({ cursor: "nonsense" })).toBe("InvalidArgument INVALID_TOKEN");
    // As it was given, it is taken, with another limit too.
    expect((await reading(analytics.tailEvents({ cursor: cursors.tail })).next()).gap).toBeUndefined();
    const resumed = reading(analytics.getRealTimeAnalytics({ cursor: cursors.window, limit: 3 }));
    expect((await resumed.next()).window!.complete).toBe(true);
  });
});

/** A tail whose bytes are not read before `resume`: the connection's window, 64 KiB, stops the server. */
async function unreadTail(request: MessageInitShape<typeof TailEventsRequestSchema>) {
  const session = connectHttp2(server.url);
  const { parent, name } = AnalyticsService.method.tailEvents;
  const stream = session.request({
    ":method": "POST",
    ":path": `/${parent.typeName}/${name}`,
    "content-type": "application/grpc+proto",
    te: "trailers",
  });
  stream.end(envelope(toBinary(TailEventsRequestSchema, create(TailEventsRequestSchema, request))));
  // The first message is there, so the tail has begun.
  await once(stream, "readable");
  let unread = Buffer.alloc(0);
  const messages: TailEventsResponse[] = [];
  return {
    messages,
    resume() {
      stream.on("data", (part: Buffer) => {
        unread = Buffer.concat([unread, part]);
        while (unread.length >= 5 && unread.length >= 5 + unread.readUInt32BE(1)) {
          const end = 5 + unread.readUInt32BE(1);
          messages.push(fromBinary(TailEventsResponseSchema, unread.subarray(5, end)));
          unread = unread.subarray(end);
        }
      });
      stream.resume();
    },
    close: () => session.destroy(),
  };
}

it("a reader who does not read keeps nobody up, and is told exactly how many it did not get", async () => {
  const client = connect();
  const slow = await unreadTail({ filter: 'source == "slow-reader"' });
  const quick = reading(client.analytics.tailEvents({ filter: 'source == "slow-reader"' }));
  await quick.next();
  const text = "x".repeat(1000);
  const total = 15_000;
  for (let sent = 0; sent < total; sent += 500) {
    const events = Array.from({ length: 500 }, (_, i) => ({
      id: `slow-${sent + i}`,
      userId: `u-${i}`,
      name: "view",
      source: "slow-reader",
      properties: { text },
    }));
    expect((await client.ingestion.ingestEvents({ events })).acceptedCount).toBe(500);
  }
  const told = (messages: readonly TailEventsResponse[]) =>
    idsOf(messages).length + messages.reduce((sum, { skipped }) => sum + Number(skipped), 0);
  await quick.until(() => told(quick.all) >= total);
  slow.resume();
  await vi.waitFor(() => expect(told(slow.messages)).toBeGreaterThanOrEqual(total), { timeout: 60_000 });
  expect(told(slow.messages)).toBe(total);
  // What the connection's buffers and the tail's own took, some megabytes at most.
  expect(idsOf(slow.messages).length).toBeLessThan(5000);
  slow.close();
});

it("streams go on after a kill -9 and a restart where they stood", async () => {
  const own = await startServer();
  let current = own;
  try {
    const send = async (url: string, name: string) => {
      const client = createWeirClient({ url });
      const events = Array.from({ length: 200 }, (_, i) => ({
        id: `${name}-${i}`,
        userId: `u-${i % 17}`,
        name,
      }));
      expect((await client.ingestion.ingestEvents({ events })).acceptedCount).toBe(200);
      await client.close();
    };
    const first = createWeirClient({ url: own.url });
    const tail = reading(first.analytics.tailEvents({}));
    const window = reading(first.analytics.getRealTimeAnalytics({ window: { seconds: 3600n } }));
    await tail.next();
    await send(own.url, "before");
    await tail.until(() => idsOf(tail.all).length === 200);
    await window.until(({ window }) => window?.events === 200n);
    await send(own.url, "missed");
    await own.kill9();
    await first.close();
    current = await own.restart();
    const second = createWeirClient({ url: current.url });
    const resumed = reading(second.analytics.tailEvents({ cursor: cursorOf(tail.all) }));
    await resumed.until(() => idsOf([...tail.all, ...resumed.all]).length >= 400);
    await send(current.url, "after");
    await resumed.until(() => idsOf([...tail.all, ...resumed.all]).length >= 600);
    expect(new Set(idsOf([...tail.all, ...resumed.all])).size).toBe(600);
    expect(resumed.all.some(({ gap }) => gap !== undefined)).toBe(false);
    const again = second.analytics.getRealTimeAnalytics({
      window: { seconds: 3600n },
      cursor: cursorOf(window.all),
    });
    const figures = await reading(again).next();
    expect(figures.window).toMatchObject({ events: 600n, activeUsers: 17n, complete: true });
    expect(figures.gap).toBeUndefined();
    await second.close();
  } finally {
    await current.stop();
  }
});

it("more streams than there are places for are refused, and a stop ends those under way", async () => {
  const own = await startServer({ args: ["--max-live-streams", "3"] });
  const client = createWeirClient({ url: own.url, retry: { maxAttempts: 1 } });
  const streams = [
    reading(client.analytics.tailEvents({})),
    reading<unknown>(client.analytics.getRealTimeAnalytics({})),
    reading<unknown>(client.metrics.streamMetrics({})),
  ];
  for (const stream of streams) await stream.next();
  for (const refused of [
    reading<unknown>(client.analytics.tailEvents({})),
    reading<unknown>(client.metrics.streamMetrics({})),
  ]) {
    expect(await failure(refused.next())).toBe("ResourceExhausted TOO_MANY_REQUESTS");
  }
  const ends = streams.map((stream) => failure(stream.until(() => false)));
  expect(await own.stop()).toBe(0);
  for (const end of await Promise.all(ends)) expect(end).toMatch(/^Unavailable/);
  await client.close();
});
