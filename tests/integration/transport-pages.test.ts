import { once } from "node:events";
import { connect } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterEach, describe, expect, test, vi } from "vitest";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { comments } from "../../gen/comments.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.js";
import { errorReasons } from "../../src/domain/errors.ts";
import type { StageHealth } from "../../src/domain/health.ts";
import { selfSigned } from "../support/certificate.ts";
import { weir } from "../support/process.ts";
import { failure } from "./transport-clients.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const ports: TestPort[] = [];
/** A port whose state the test sets. */
async function start(options: Parameters<typeof startPort>[0] = {}) {
  const state: { ready: boolean; parts: StageHealth[] } = {
    ready: true,
    parts: [{ name: "log", status: "healthy", message: "" }],
  };
  const port = await startPort({
    pages: {
      health: () => state.parts,
      ready: () => state.ready,
      stats: () => ({ producer: { accepted: 12n, queueBytes: 0, errors: new Map([["INVALID_EVENT", 1]]) } }),
      lag: async () => ({ partitions: [{ partition: 0, events: 3n }] }),
      metrics: async () => ({ contentType: "text/plain; version=0.0.4; charset=utf-8", body: "up 1\n" }),
      version: "1.2.3",
    },
    ...options,
  });
  ports.push(port);
  return { port, state };
}
afterEach(async () => {
  for (const port of ports.splice(0)) await port.transport.close(0);
});
const get = async (port: TestPort, path: string) => {
  const response = await fetch(port.url + path);
  return { status: response.status, type: response.headers.get("content-type"), text: await response.text() };
};

describe("/health", () => {
  test.each([
    ["healthy", 200],
    ["degraded", 200],
    ["unhealthy", 503],
  ] as const)("is %s with %i, naming the part", async (status, code) => {
    const { port, state } = await start();
    const store: StageHealth = { name: "store", status, message: status === "healthy" ? "" : "why" };
    state.parts.push(store);
    const { status: answered, text } = await get(port, "/health");
    expect(answered).toBe(code);
    expect(JSON.parse(text)).toEqual({ status, components: state.parts });
  });
});

test("/ready and grpc.health.v1 agree, also to a watcher", async () => {
  const { port, state } = await start();
  const health = createClient(Health, createGrpcTransport({ baseUrl: port.url }));
  const service = "analytics.v1.EventIngestionService";
  const watched: Status[] = [];
  const controller = new AbortController();
  const watching = (async () => {
    for await (const { status } of health.watch({ service }, { signal: controller.signal }))
      watched.push(status);
  })().catch(() => {});
  const agree = async (code: number, status: Status) => {
    expect((await get(port, "/ready")).status).toBe(code);
    expect((await health.check({})).status).toBe(status);
    expect((await health.check({ service })).status).toBe(status);
    expect((await health.list({})).statuses[service]?.status).toBe(status);
    await vi.waitFor(() => expect(watched.at(-1)).toBe(status), 5000);
  };
  await agree(200, Status.SERVING);
  state.ready = false;
  await agree(503, Status.NOT_SERVING);
  state.ready = true;
  state.parts.push({ name: "store", status: "unhealthy", message: "gone" });
  await agree(503, Status.NOT_SERVING);
  expect(JSON.parse((await get(port, "/ready")).text)).toMatchObject({ failing: [{ name: "store" }] });
  controller.abort();
  await watching;
  expect(watched).toEqual(
    [Status.SERVING, Status.NOT_SERVING, Status.SERVING, Status.NOT_SERVING].slice(0, watched.length),
  );
});

test("grpc.health.v1 does not know other services", async () => {
  const { port } = await start();
  const health = createClient(Health, createGrpcTransport({ baseUrl: port.url }));
  expect(await failure(health.check({ service: "a.B" }))).toEqual({ code: "NotFound", reason: "NOT_FOUND" });
  for await (const { status } of health.watch({ service: "a.B" })) {
    expect(status).toBe(Status.SERVICE_UNKNOWN);
    break;
  }
});

test("grpc.health.v1 says of a service that other processes answer that it is not served", async () => {
  const service = { service: ConsumerService, implementation: {}, elsewhere: true };
  const { port } = await start({ services: [service] });
  const health = createClient(Health, createGrpcTransport({ baseUrl: port.url }));
  const { statuses } = await health.list({});
  const away = Object.keys(statuses).filter((name) => statuses[name]!.status === Status.NOT_SERVING);
  expect(away).toEqual([ConsumerService.typeName]);
  expect((await health.check({ service: ConsumerService.typeName })).status).toBe(Status.NOT_SERVING);
  expect((await health.check({})).status).toBe(Status.SERVING);
});

test("the other pages answer with what they say", async () => {
  const { port } = await start();
  expect(await get(port, "/stats")).toEqual({
    status: 200,
    type: "application/json",
    text: '{"producer":{"accepted":"12","queue_bytes":0,"errors":{"INVALID_EVENT":1}}}',
  });
  expect((await get(port, "/lag")).text).toBe('{"partitions":[{"partition":0,"events":"3"}]}');
  expect(await get(port, "/metrics")).toEqual({
    status: 200,
    type: "text/plain; version=0.0.4; charset=utf-8",
    text: "up 1\n",
  });
  expect((await get(port, "/openapi.json")).text).toContain('"openapi":"3.1.0"');
});

test("every link of the page at / is served, and the reference lists every route", async () => {
  const { port } = await start();
  const { text, type } = await get(port, "/");
  expect(type).toBe("text/html; charset=utf-8");
  expect(text).toContain("version 1.2.3");
  const links = [...text.matchAll(/href="([^"]+)"/g)].map((match) => match[1]!);
  expect(links.length).toBeGreaterThan(5);
  for (const link of links) expect((await get(port, link)).status, link).toBe(200);
  const docs = (await get(port, "/docs")).text;
  const { paths } = JSON.parse((await get(port, "/openapi.json")).text) as { paths: Record<string, object> };
  for (const path of Object.keys(paths)) expect(docs).toContain(path);
});

test("a process without lag has no link to it", async () => {
  const { port } = await start({
    pages: {
      health: () => [],
      ready: () => true,
      stats: () => ({}),
      metrics: async () => ({ contentType: "text/plain", body: "" }),
      version: "1.2.3",
    },
  });
  expect((await get(port, "/")).text).not.toContain("/lag");
  expect((await get(port, "/lag")).status).toBe(404);
});

test("the reference says of everything what the contract says, and leads nowhere but to itself", async () => {
  const { port } = await start();
  const docs = (await get(port, "/docs")).text;
  for (const name of [
    "EventIngestionService.IngestEvent",
    "Event.user_id",
    "Durability.DURABILITY_APPLIED",
  ]) {
    const comment = comments.get(`analytics.v1.${name}`)!;
    expect(docs, name).toContain(comment.replaceAll('"', "&quot;"));
  }
  const ids = new Set([...docs.matchAll(/ id="([^"]+)"/g)].map((match) => match[1]!));
  const links = [...docs.matchAll(/(?:href|src)="([^"]+)"/g)].map((match) => match[1]!);
  expect(links.length).toBeGreaterThan(100);
  for (const link of links) expect(link === "/openapi.json" || ids.has(link.slice(1)), link).toBe(true);
});

test("the reference tells each way to pass a key", async () => {
  const { port } = await start();
  const docs = (await get(port, "/docs")).text;
  for (const form of ["x-api-key: KEY", "Authorization: Bearer KEY", "?key=KEY"])
    expect(docs).toContain(form);
});

test("the reference tells of each method its body, success and errors, and of each field its limits", async () => {
  const { port } = await start();
  const docs = (await get(port, "/docs")).text;
  const section = (id: string) => docs.split(`<h3 id="${id}">`)[1]!.split("</section>")[0]!;
  expect(section("ProducerService_SendEventAsync")).toContain("Answer: 202, <code>application/json</code>");
  const batch = section("EventIngestionService_IngestEvents");
  expect(batch).toContain("Body: <code>application/json</code> or <code>text/plain</code>");
  expect(batch).toMatch(/Errors: 400, 401, .*, with their <a href="#errors">/);
  for (const id of ["AnalyticsService_ExportEvents", "MetricsService_ExportMetrics"])
    expect(section(id), id).toContain("Answer: 200, bare text or bytes");
  expect(section("AnalyticsService_GetBreakdown")).toContain("<code>dimension</code> (required)");
  const event = section("analytics.v1.Event");
  expect(event).toContain("<code>user_id</code> (required)</td><td>string, 1 to 256 characters");
  expect(event).toContain(
    "map by keys of 1 to 128 characters to string, up to 8192 characters, up to 128 pairs",
  );
  for (const reason of Object.keys(errorReasons)) expect(docs).toContain(`<code>${reason}</code>`);
});

test("figures and state have an address of their own, without a key or TLS and with nothing else", async () => {
  const { port } = await start({
    open: false,
    tls: selfSigned(),
    metricsListen: ["127.0.0.1:0"],
    authenticator: {
      allowsOrigin: () => false,
      refusalOf: () => undefined,
      authenticate: () => {
        throw new Error("nobody is asked");
      },
    },
  });
  const [address] = port.transport.metricsAddresses;
  const served = ["/health", "/ready", "/stats", "/lag", "/metrics"];
  for (const path of ["/", ...served]) {
    expect((await fetch(`http://${address}${path}`)).status, path).toBe(200);
  }
  const index = await (await fetch(`http://${address}/`)).text();
  expect([...index.matchAll(/href="([^"]+)"/g)].map((match) => match[1])).toEqual(served);
  for (const path of [
    "/docs",
    "/openapi.json",
    "/v1/events/health",
    "/analytics.v1.ProducerService/GetProducerHealth",
  ]) {
    expect((await fetch(`http://${address}${path}`)).status, path).toBe(404);
  }
});

test("weir ready asks the address in the clear of a server that speaks TLS by a name of its own", async () => {
  const { port, state } = await start({ tls: selfSigned(), metricsListen: ["127.0.0.1:0"] });
  const clear = `http://${port.transport.metricsAddresses[0]}`;
  const ready = (url: string) => weir(["ready", "--url", url]);
  expect(await ready(clear)).toMatchObject({ code: 0, stdout: `${clear} is ready\n`, stderr: "" });
  state.ready = false;
  expect(await ready(clear)).toMatchObject({ code: 1, stdout: `${clear} is not ready\n`, stderr: "" });
  const stderr = expect.stringMatching(/^weir: cannot reach \S+: self-signed certificate/);
  expect(await ready(port.url)).toMatchObject({ code: 1, stdout: "", stderr });
  const nowhere = `weir: ${clear}/nowhere refused: [unknown] /ready answers 404\n`;
  expect(await ready(`${clear}/nowhere`)).toMatchObject({ code: 1, stdout: "", stderr: nowhere });
});

test("the figures' own address answers while callers have every connection", async () => {
  const { port } = await start({ limits: { maxConnections: 1 }, metricsListen: ["127.0.0.1:0"] });
  const taken = connect(Number(new URL(port.url).port), "127.0.0.1");
  await once(taken, "connect");
  await expect(fetch(`${port.url}/`)).rejects.toThrow();
  expect((await fetch(`http://${port.transport.metricsAddresses[0]}/`)).status).toBe(200);
  taken.destroy();
});
