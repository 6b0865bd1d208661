import { once } from "node:events";
import { request } from "node:http";
import { connect as connectHttp2, constants } from "node:http2";
import { afterEach, describe, expect, test } from "vitest";
import { Scope } from "../../gen/analytics/v1/options_pb.js";
import type { Credentials } from "../../src/auth/auth.ts";
import { WeirError } from "../../src/domain/errors.ts";
import { http2Request } from "./transport-clients.ts";
import { startPort, type TestPort } from "./transport-support.ts";

const ports: TestPort[] = [];
const start = async (options: Parameters<typeof startPort>[0] = {}) => {
  const port = await startPort(options);
  ports.push(port);
  return port;
};
afterEach(async () => {
  for (const port of ports.splice(0)) await port.transport.close(0);
});

interface Answer {
  readonly status: number;
  readonly headers: Record<string, string | string[] | undefined>;
  readonly reason: string | undefined;
}

/** fetch sets Host and Origin as it likes; this sends what it is told. */
function ask(
  port: TestPort,
  headers: Record<string, string>,
  method = "GET",
  path = "/v1/events/health",
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sent = request(`${port.url}${path}`, { method, headers }, (response) => {
      let text = "";
      response.on("data", (part) => {
        text += part;
      });
      response.on("end", () => {
        const json = text === "" ? {} : (JSON.parse(text) as { details?: { reason?: string }[] });
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          reason: json.details?.[0]?.reason,
        });
      });
    });
    sent.on("error", reject);
    sent.end();
  });
}

describe("an open server on loopback", () => {
  test.each([
    ["localhost", 200],
    ["localhost:8080", 200],
    ["LOCALHOST:1", 200],
    ["127.0.0.1:8080", 200],
    ["[::1]:8080", 200],
    ["[::1]", 200],
    ["evil.example", 403],
    ["evil.example:8080", 403],
    ["localhost.evil.example", 403],
    ["127.0.0.1.evil.example", 403],
    ["127.0.0.2", 403],
    ["localhost, evil.example", 400],
  ])("answers Host %s with %i", async (host, status) => {
    const answer = await ask(await start(), { host });
    expect([answer.status, answer.reason]).toEqual([
      status,
      { 403: "FOREIGN_HOST", 400: "INVALID_REQUEST" }[status],
    ]);
  });

  test.each([
    ["http://localhost", 200],
    ["http://localhost:3000", 200],
    ["https://127.0.0.1", 200],
    ["http://[::1]:5173", 200],
    ["https://evil.example", 403],
    ["http://localhost.evil.example", 403],
    ["http://localhost@evil.example", 403],
    ["http://evil.example/localhost", 403],
    ["null", 403],
    ["file://", 403],
  ])("answers Origin %s with %i", async (origin, status) => {
    const answer = await ask(await start(), { origin });
    expect([answer.status, answer.reason]).toEqual([status, status === 403 ? "FOREIGN_ORIGIN" : undefined]);
    expect(answer.headers["access-control-allow-origin"]).toBe(status === 200 ? origin : undefined);
  });

  test("checks the authority of HTTP/2, and a Host beside it, on every protocol", async () => {
    const port = await start();
    const path = "/analytics.v1.ProducerService/GetProducerHealth";
    const grpc = { ":path": path, "content-type": "application/grpc", te: "trailers" };
    const frame = new Uint8Array(5);
    expect((await http2Request(port.url, grpc, frame)).trailers["grpc-status"]).toBe("0");
    const foreign = await http2Request(port.url, { ...grpc, ":authority": "evil.example" }, frame);
    expect(foreign.headers["grpc-status"]).toBe("7");
    const beside = await http2Request(
      port.url,
      { ...grpc, ":authority": "localhost", host: "evil.example" },
      frame,
    );
    expect(beside.headers["grpc-status"]).toBe("3");
  });

  test("refuses gRPC by a head that is the end, as clients in Go want it", async () => {
    const port = await start();
    const session = connectHttp2(port.url);
    const stream = session.request(
      {
        ":method": "POST",
        ":path": "/analytics.v1.EventIngestionService/StreamEvents",
        ":authority": "evil.example",
        "content-type": "application/grpc",
      },
      { endStream: false },
    );
    const [head, flags] = (await once(stream, "response")) as [Record<string, string>, number];
    session.destroy();
    expect(head["grpc-status"]).toBe("7");
    expect(flags & constants.NGHTTP2_FLAG_END_STREAM).not.toBe(0);
  });

  test("takes what WEIR_ALLOWED_ORIGINS adds: origins with their hosts, and bare hosts", async () => {
    const port = await start({ allowedOrigins: ["https://app.example.com", "intern.example:8443"] });
    const status = async (headers: Record<string, string>) => (await ask(port, headers)).status;
    expect(await status({ origin: "https://app.example.com", host: "app.example.com" })).toBe(200);
    expect(await status({ origin: "http://app.example.com" })).toBe(403);
    expect(await status({ origin: "https://app.example.com:444" })).toBe(403);
    expect(await status({ origin: "https://intern.example:8443", host: "intern.example:8443" })).toBe(200);
    expect(await status({ host: "intern.example" })).toBe(403);
  });
});

test.each(["a b", "localhost:99999", "[::1"])(
  "Host %s is none, wherever it is not checked otherwise",
  async (host) => {
    const port = await start({ listen: ["0.0.0.0:0"] });
    for (const path of [
      "/v1/events/health",
      "/analytics.v1.ProducerService/GetProducerHealth?encoding=json&message={}",
    ]) {
      expect(await ask(port, { host }, "GET", path)).toMatchObject({ status: 400 });
    }
  },
);

describe("the figures' own address", () => {
  const figuresOf = async (options: Parameters<typeof start>[0]) => {
    const port = await start({ open: false, ...options });
    const url = `http://${port.transport.metricsAddresses[0]!.replace("0.0.0.0", "127.0.0.1")}`;
    return (headers: Record<string, string>) => ask({ ...port, url }, headers, "GET", "/stats");
  };

  test("answers on loopback nobody from elsewhere, and lets no page read", async () => {
    const stats = await figuresOf({ metricsListen: ["127.0.0.1:0"], allowedOrigins: ["ops.example"] });
    const reasonOf = async (headers: Record<string, string>) => (await stats(headers)).reason;
    expect(await reasonOf({ host: "evil.example" })).toBe("FOREIGN_HOST");
    expect(await reasonOf({ origin: "http://evil.example" })).toBe("FOREIGN_ORIGIN");
    for (const host of ["localhost:9090", "127.0.0.1", "ops.example"]) {
      const answer = await stats({ host, origin: "http://localhost:3000" });
      expect([answer.status, answer.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
    }
  });

  test("answers elsewhere by any name, as scrapers call it", async () => {
    const stats = await figuresOf({ metricsListen: ["0.0.0.0:0"], allowedOrigins: ["ops.example"] });
    expect((await stats({ host: "weir-0.weir.svc:9090" })).status).toBe(200);
  });
});

test("an open server elsewhere checks Host and Origin only where origins are set", async () => {
  const all = await start({ listen: ["0.0.0.0:0"] });
  expect((await ask(all, { host: "any.example", origin: "https://any.example" })).status).toBe(200);
  const some = await start({ listen: ["0.0.0.0:0"], allowedOrigins: ["https://app.example"] });
  expect((await ask(some, { host: "any.example" })).status).toBe(403);
  expect((await ask(some, { host: "app.example", origin: "https://app.example" })).status).toBe(200);
});

describe("a preflight", () => {
  const preflight = {
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type",
  };

  test("is answered for a local page, before anything else is asked", async () => {
    const answer = await ask(
      await start(),
      { ...preflight, origin: "http://localhost:3000" },
      "OPTIONS",
      "/analytics.v1.ProducerService/SendEvent",
    );
    expect(answer.status).toBe(204);
    expect(answer.headers["access-control-allow-origin"]).toBe("http://localhost:3000");
    expect(answer.headers["access-control-allow-methods"]).toMatch(/GET.*POST.*PUT.*DELETE/);
    for (const name of [
      "content-type",
      "connect-protocol-version",
      "x-grpc-web",
      "authorization",
      "x-api-key",
    ]) {
      expect(String(answer.headers["access-control-allow-headers"]).toLowerCase()).toContain(name);
    }
    expect(answer.headers.vary).toContain("Origin");
    expect(answer.headers["x-request-id"]).toBeDefined();
  });

  test("from elsewhere gets no permission", async () => {
    const answer = await ask(await start(), { ...preflight, origin: "https://evil.example" }, "OPTIONS");
    expect([answer.status, answer.reason]).toEqual([403, "FOREIGN_ORIGIN"]);
    expect(answer.headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("where keys are required is answered without one, for the origins that are allowed", async () => {
    const port = await start({
      open: false,
      allowedOrigins: ["https://app.example.com"],
      authenticator: {
        allowsOrigin: () => false,
        refusalOf: () => undefined,
        authenticate: () => {
          throw new WeirError("UNAUTHENTICATED", "INVALID_REQUEST", "no key");
        },
      },
    });
    const from = (origin: string) => ask(port, { ...preflight, origin, host: "any.example" }, "OPTIONS");
    const allowed = await from("https://app.example.com");
    expect([allowed.status, allowed.headers["access-control-allow-origin"]]).toEqual([
      204,
      "https://app.example.com",
    ]);
    expect((await from("https://evil.example")).headers["access-control-allow-origin"]).toBeUndefined();
  });

  test("lets the page read request id, retry delay and the status of gRPC-Web", async () => {
    const exposed = (await ask(await start(), { origin: "http://localhost" })).headers[
      "access-control-expose-headers"
    ];
    for (const name of ["x-request-id", "retry-after", "grpc-status", "grpc-status-details-bin"]) {
      expect(String(exposed).toLowerCase()).toContain(name);
    }
  });
});

describe("where keys are required", () => {
  const scopes: Record<string, readonly Scope[]> = {
    ingest: [Scope.INGEST],
    query: [Scope.QUERY],
    platform: [Scope.PLATFORM],
  };
  const seen: Credentials[] = [];
  const keyed = () =>
    start({
      open: false,
      authenticator: {
        allowsOrigin: () => false,
        refusalOf: () => undefined,
        authenticate: async (credentials) => {
          seen.push(credentials);
          const key = credentials.key ?? credentials.browserKey ?? "";
          const own = scopes[key];
          if (own === undefined) throw new WeirError("UNAUTHENTICATED", "INVALID_REQUEST", "no valid key");
          return { project: `of ${key}`, scopes: new Set(own), keyId: key };
        },
      },
    });

  test.each([
    ["/health", undefined, 200],
    ["/ready", undefined, 200],
    ["/openapi.json", undefined, 200],
    ["/", undefined, 200],
    ["/stats", undefined, 401],
    ["/stats", "query", 403],
    ["/stats", "platform", 200],
    ["/metrics", "ingest", 403],
    ["/v1/events/health", undefined, 401],
    ["/v1/events/health", "query", 200],
    ["/v1/analytics/summary", "ingest", 403],
    ["/v1/analytics/summary", "query", 200],
    ["/v1/producer/stats", "query", 403],
    ["/v1/producer/stats", "platform", 200],
  ])("%s with key %s is %i", async (path, key, status) => {
    const port = await keyed();
    const headers = key === undefined ? undefined : { authorization: `Bearer ${key}` };
    const response = await fetch(port.url + path, headers === undefined ? {} : { headers });
    expect(response.status).toBe(status);
    if (status === 401) expect(response.headers.get("www-authenticate")).toBe("Bearer");
    await response.arrayBuffer();
  });

  test("the call knows whose it is", async () => {
    const port = await keyed();
    await fetch(`${port.url}/v1/analytics/summary`, { headers: { "x-api-key": "query" } });
    expect(port.seen.calls.at(-1)?.call.principal).toMatchObject({ project: "of query", keyId: "query" });
    expect(port.seen.records.at(-1)).toMatchObject({ project: "of query", keyId: "query" });
  });

  test("a browser key in the query counts on the batch route alone, and stays out of the log", async () => {
    const port = await keyed();
    const post = (path: string) =>
      fetch(port.url + path, { method: "POST", body: '{"events":[{"user_id":"u"}]}' });
    expect((await post("/v1/events/batch?key=ingest")).status).toBe(200);
    expect((await post("/events/batch?key=ingest")).status).toBe(401);
    expect(JSON.stringify(port.seen.logged)).not.toContain("key=");
  });
});
