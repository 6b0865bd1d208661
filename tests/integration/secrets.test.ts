/** Nothing that a server writes or answers holds a secret that it was shown, be it right or wrong. */

import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createWeirClient, Scope } from "../../client/node/index.ts";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { type RawRequest, sendRaw } from "../support/http.ts";
import { audience, issuer, jwks, signingKey, token } from "../support/issuer.ts";
import { refusedStart } from "../support/refused-start.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { wires } from "../support/wires.ts";

const bootstrap = "bootstrap-secret-of-the-operator-0123456789";
const tokenSecret = "token-secret-of-the-operator-0123456789";
const collectorKey = "key-of-the-collector-0123456789";
const wrong = "weir_wrong-secret-that-nobody-ever-had-0123456789ab";
const { getAnalyticsSummary } = AnalyticsService.method;

let directory: string;
let server: RunningServer;
/** Where spans go, and what came there. */
let collector: Server;
const spans: Buffer[] = [];
/** What must not be seen, by name. */
const secrets = new Map<string, string>();
/** All that was answered. */
const answers: string[] = [];

beforeAll(async () => {
  directory = mkdtempSync(join(tmpdir(), "weir-secrets-"));
  const key = await signingKey("one");
  writeFileSync(join(directory, "jwks.json"), JSON.stringify(jwks(key)));
  collector = createServer((request, response) => {
    request.on("data", (piece: Buffer) => spans.push(piece));
    request.on("end", () => response.end());
  });
  await once(collector.listen(0, "127.0.0.1"), "listening");
  server = await startServer({
    args: [
      "--otlp-endpoint",
      `http://127.0.0.1:${(collector.address() as AddressInfo).port}`,
      "--auth",
      "required",
      "--log-level",
      "debug",
      "--jwt-keys",
      join(directory, "jwks.json"),
      "--jwt-issuer",
      issuer,
      "--jwt-audience",
      audience,
    ],
    env: {
      WEIR_BOOTSTRAP_KEY: bootstrap,
      WEIR_TOKEN_SECRET: tokenSecret,
      WEIR_OTLP_HEADERS: `x-collector-key=${collectorKey}`,
    },
  });
  const operator = createWeirClient({ url: server.url, apiKey: bootstrap });
  const make = async (name: string, scopes: Scope[], allowedOrigins: string[] = []) => {
    const made = await operator.admin.createApiKey({ name, scopes, allowedOrigins });
    // What people tell keys apart by may be seen; the rest of it not.
    secrets.set(name, made.secret.slice(made.key!.prefix.length));
    return made.secret;
  };
  const shown = [
    bootstrap,
    wrong,
    await make("query", [Scope.QUERY, Scope.PLATFORM, Scope.ADMIN]),
    await make("ingest", [Scope.INGEST]),
    await make("web", [Scope.INGEST], ["https://shop.example"]),
    await token(key),
    await token(key, { aud: "somebody" }),
    await token(key, { exp: 1 }),
  ];
  for (const [i, one] of shown.slice(5).entries()) secrets.set(`token ${i}`, one.split(".")[2]!);
  secrets
    .set("bootstrap", bootstrap)
    .set("token secret", tokenSecret)
    .set("collector", collectorKey)
    .set("wrong", wrong);
  for (const secret of shown)
    for (const request of requestsWith(secret)) answers.push(await answerOf(request));
  for (const path of [
    "/metrics",
    "/stats",
    "/lag",
    "/openapi.json",
    "/v1/admin/keys",
    "/v1/admin/dead-letters",
  ]) {
    const headers = { "x-api-key": bootstrap };
    answers.push(await answerOf({ version: "1.1", verb: "GET", path, headers }));
  }
  const { keys } = await operator.admin.listApiKeys({ includeEnded: true });
  answers.push(JSON.stringify(keys.map(({ keyId, name, prefix }) => [keyId, name, prefix])));
  await operator.close();
});
afterAll(async () => {
  await server.stop();
  collector.close();
  rmSync(directory, { recursive: true });
});

/** A secret wherever it belongs, and wherever it could be put by mistake. */
function requestsWith(secret: string): RawRequest[] {
  const get = (path: string, headers: Record<string, string> = {}): RawRequest => ({
    version: "1.1",
    verb: "GET",
    path,
    headers,
  });
  const body = Buffer.from(JSON.stringify({ events: [{ user_id: "u" }], [secret]: 1 }));
  return [
    ...wires.flatMap((wire) => {
      const request = wire.request(getAnalyticsSummary, create(getAnalyticsSummary.input, {}))!;
      return [
        { "x-api-key": secret },
        { authorization: `Bearer ${secret}` },
        { authorization: `Basic ${secret}` },
      ].map((header) => ({ ...request, headers: { ...request.headers, ...header } }));
    }),
    get(`/v1/analytics/summary?key=${secret}`),
    get(`/v1/analytics/summary?filter=${secret}`, { "x-api-key": secret }),
    get("/v1/analytics/summary", { cookie: `key=${secret}` }),
    get("/stats", { "x-api-key": secret }),
    ...(/^weir_/.test(secret) ? misplaced(secret, get) : []),
    get("/v1/analytics/summary", { "x-api-key": `${secret}, ${secret}` }),
    {
      version: "1.1",
      verb: "POST",
      path: `/v1/events/batch?key=${secret}`,
      headers: { "content-type": "text/plain", origin: "https://shop.example" },
      body: Buffer.from('{"events":[{"user_id":"u"}]}'),
    },
    {
      version: "1.1",
      verb: "POST",
      path: `/v1/events/batch?key=${secret}`,
      headers: { "content-type": "text/plain", origin: "https://evil.example" },
      body,
    },
  ];
}

/** What begins as our keys do is known for a secret wherever it stands. */
function misplaced(
  secret: string,
  get: (path: string, headers?: Record<string, string>) => RawRequest,
): RawRequest[] {
  const headers = { "x-api-key": bootstrap };
  const post = (path: string, body = ""): RawRequest => ({
    version: "1.1",
    verb: "POST",
    path,
    headers: { ...headers, "content-type": "application/json" },
    body: Buffer.from(body),
  });
  const percent = (letter: string) => `%${letter.charCodeAt(0).toString(16)}`;
  const whole = [...secret].map(percent).join("");
  const inPart = secret.replace("_", percent).replace(/(?<=.{20})./, (l) => encodeURIComponent(percent(l)));
  return [
    ...[whole, whole.toUpperCase(), inPart].flatMap((written) => [
      get(`/${written}`, headers),
      get(`/v1/analytics/users/${written}/none`, headers),
      get(`/v1/analytics/summary?${written}=1`, headers),
      get(`/v1/analytics/summary?time_range.start=${encodeURIComponent(written)}`, headers),
      post(`/v1/admin/keys/${written}/revoke`, "{}"),
      post(`/analytics.v1.AdminService/${written}`, "{}"),
    ]),
    get(`/${secret}`),
    get(`/${"x".repeat(150)}/${secret}`),
    get(`/${"x".repeat(1000)}/${secret}`),
    get("/health", { "x-request-id": secret }),
    get("/health", { "x-request-id": `of:${secret}` }),
    get("/v1/analytics/summary", { ...headers, "connect-timeout-ms": secret }),
    get("/v1/analytics/summary", { ...headers, origin: `https://${secret}` }),
    get("/v1/analytics/summary", { host: secret }),
    post(`/v1/events/batch%3Fkey=${secret}`),
    post(`/analytics.v1.AdminService/${secret}`, "{}"),
    post("/analytics.v1.AdminService/RevokeApiKey", JSON.stringify({ keyId: secret })),
    post("/analytics.v1.AdminService/RevokeApiKey", JSON.stringify({ [secret]: 1 })),
    post(`/v1/admin/keys/${secret}/revoke`, "{}"),
  ];
}

/** Errors repeat what the request itself said, such as its filter: these are the sender's own words to himself. */
const repeatsTheRequest = /filter=/;

async function answerOf(request: RawRequest): Promise<string> {
  const { headers, trailers, body } = await sendRaw(server.url, request);
  if (repeatsTheRequest.test(request.path)) return "";
  const details = trailers.get("grpc-status-details-bin") ?? headers.get("grpc-status-details-bin") ?? "";
  const text = [...headers, ...trailers].map(([name, value]) => `${name}: ${value}`);
  return [...text, body.toString(), Buffer.from(details, "base64").toString()].join("\n");
}

/** The text with its percent-encodings undone, also where they were encoded again. */
function decoded(text: string): string {
  const once = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  );
  return once === text ? text : decoded(once);
}

it("the log, errors, metrics, figures and lists hold no secret", () => {
  const written = decoded(server.log());
  expect(written).toContain("UNKNOWN_KEY");
  expect(answers.length).toBeGreaterThan(100);
  for (const [name, secret] of secrets) {
    expect(written.includes(secret), `the log has the secret ${name}`).toBe(false);
    const leak = answers.find((answer) => decoded(answer).includes(secret));
    expect(leak, `an answer has the secret ${name}`).toBeUndefined();
  }
});

it("spans hold no secret either", async () => {
  // With its end a server sends what spans it has left.
  await server.stop();
  const sent = decoded(Buffer.concat(spans).toString("latin1"));
  expect(sent).toContain("analytics.v1.AnalyticsService/GetAnalyticsSummary");
  expect(sent).toContain("analytics.v1.AdminService/RevokeApiKey");
  for (const [name, secret] of secrets) {
    expect(sent.includes(secret), `a span has the secret ${name}`).toBe(false);
  }
});

it("a start that is refused for a secret does not tell it", async () => {
  const file = join(directory, "short.key");
  writeFileSync(file, "too-short-secret");
  const { line } = await refusedStart([
    "--listen",
    "127.0.0.1:0",
    "--data-dir",
    directory,
    "--bootstrap-key-file",
    file,
  ]);
  expect(line).toContain("24 to 512");
  expect(line).not.toContain("too-short-secret");
});
