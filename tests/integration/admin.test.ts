/** AdminService over a real server that requires keys. */
import { Code, ConnectError } from "@connectrpc/connect";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, errorReason, Scope, type WeirClient } from "../../client/node/index.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const bootstrapKey = "the-operators-first-key-of-all";
const origin = "https://shop.example";
/** One of WEIR_ALLOWED_ORIGINS. */
const trusted = "https://trusted.example";

let server: RunningServer;
const clients: WeirClient[] = [];
const as = (apiKey: string): WeirClient => {
  const client = createWeirClient({ url: server.url, apiKey });
  clients.push(client);
  return client;
};
/** The operator. */
let platform: WeirClient;
/** The first key of a project of these tests. */
let shop: WeirClient;

beforeAll(async () => {
  // On every address of the machine, as a server on a network: so keys are required without saying so.
  const env = { WEIR_BOOTSTRAP_KEY: bootstrapKey, WEIR_ALLOWED_ORIGINS: trusted };
  server = await startServer({ listen: "0.0.0.0:0", env });
  platform = as(bootstrapKey);
  shop = as((await platform.admin.createProject({ projectId: "shop", displayName: "The shop" })).secret);
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await server.stop();
});

async function failure(call: Promise<unknown>): Promise<{ code: string; reason: string | undefined }> {
  const error = await call.then(
    () => undefined,
    (thrown: unknown) => ConnectError.from(thrown),
  );
  return { code: error === undefined ? "OK" : Code[error.code]!, reason: errorReason(error) };
}

const post = (key: string, headers: Record<string, string>, path = "/v1/events/batch") =>
  fetch(`${server.url}${path}`, {
    method: "POST",
    headers: { "content-type": "text/plain", ...(key === "" ? {} : { "x-api-key": key }), ...headers },
    body: JSON.stringify({ events: [{ id: "e", user_id: "u", name: "n" }] }),
  });

it("a server on another address than loopback says that it wants keys", () => {
  expect(server.log()).toMatch(/"msg":"calls need a key"/);
});

describe("a project", () => {
  it("is made once, with an admin key of its own", async () => {
    expect(await failure(platform.admin.createProject({ projectId: "shop" }))).toEqual({
      code: "AlreadyExists",
      reason: "PROJECT_EXISTS",
    });
    const { keys } = await shop.admin.listApiKeys({});
    expect(keys).toMatchObject([{ projectId: "shop", scopes: [Scope.ADMIN] }]);
    const { projects } = await platform.admin.listProjects({});
    expect(projects.map(({ projectId, displayName }) => [projectId, displayName])).toEqual([
      ["default", "default"],
      ["shop", "The shop"],
    ]);
  });

  it("is made for one caller of several who ask at once, who alone gets its key", async () => {
    const projectId = "wanted-by-many";
    const calls = Array.from({ length: 8 }, (_, i) =>
      platform.admin.createProject({ projectId, displayName: `asked for by ${i}` }),
    );
    const outcomes = await Promise.allSettled(calls);
    const made = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
    expect(made).toHaveLength(1);
    const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
    expect(new Set(refused.map(errorReason))).toEqual(new Set(["PROJECT_EXISTS"]));
    expect((await as(made[0]!.secret).admin.listApiKeys({})).keys).toHaveLength(1);
    const { projects } = await platform.admin.listProjects({});
    expect(projects.find((project) => project.projectId === projectId)).toEqual(made[0]!.project);
  });

  it("whose first key was lost gets another one by a platform key, where it exists", async () => {
    await platform.admin.createProject({ projectId: "lost" });
    const asked = { name: "another", scopes: [Scope.ADMIN], projectId: "lost" };
    const { key, secret } = await platform.admin.createApiKey(asked);
    expect(key).toMatchObject({ projectId: "lost", name: "another" });
    const { keys } = await as(secret).admin.listApiKeys({});
    expect(keys.map(({ name }) => name)).toEqual(["another", "first key"]);
    expect((await as(secret).admin.createApiKey(asked)).key?.projectId).toBe("lost");
    expect((await platform.admin.createApiKey({ ...asked, projectId: "" })).key?.projectId).toBe("default");
    expect(await failure(platform.admin.createApiKey({ ...asked, projectId: "nowhere" }))).toEqual({
      code: "NotFound",
      reason: "NOT_FOUND",
    });
    const unlike = platform.admin.createApiKey({ ...asked, projectId: "../lost" });
    expect(await failure(unlike)).toMatchObject({ code: "InvalidArgument" });
  });

  it("makes no projects and sees no others, whatever its scopes", async () => {
    const { secret } = await shop.admin.createApiKey({
      name: "all",
      scopes: [Scope.INGEST, Scope.QUERY, Scope.ADMIN],
    });
    const { admin } = as(secret);
    for (const call of [() => admin.listProjects({}), () => admin.createProject({ projectId: "other" })]) {
      expect(await failure(call())).toEqual({ code: "PermissionDenied", reason: "INSUFFICIENT_SCOPE" });
    }
  });

  it("replaces its settings whole", async () => {
    expect((await shop.admin.getProjectSettings({})).settings).toMatchObject({});
    const settings = { retentionDays: 30, limits: { eventsPerSecond: 1000, bytesPerSecond: 1_000_000n } };
    expect((await shop.admin.updateProjectSettings({ settings })).settings).toMatchObject(settings);
    expect((await shop.admin.getProjectSettings({})).settings).toMatchObject(settings);
    expect((await platform.admin.getProjectSettings({})).settings?.retentionDays).toBeUndefined();
    const { settings: emptied } = await shop.admin.updateProjectSettings({ settings: {} });
    expect(emptied).toMatchObject({});
    expect(emptied?.limits).toBeUndefined();
  });
});

describe("a key", () => {
  it("cannot make one that can do more than its project", async () => {
    const call = shop.admin.createApiKey({ name: "p", scopes: [Scope.PLATFORM] });
    expect(await failure(call)).toEqual({ code: "PermissionDenied", reason: "INSUFFICIENT_SCOPE" });
    const { secret } = await platform.admin.createApiKey({ name: "p", scopes: [Scope.PLATFORM] });
    expect((await as(secret).admin.listProjects({})).projects.length).toBeGreaterThan(1);
  });

  it("of a project cannot revoke the operator's, which belongs to that project too", async () => {
    const operators = await platform.admin.createApiKey({ name: "second", scopes: [Scope.PLATFORM] });
    const { secret } = await platform.admin.createApiKey({ name: "admin", scopes: [Scope.ADMIN] });
    const { keyId } = operators.key!;
    expect(await failure(as(secret).admin.revokeApiKey({ keyId }))).toEqual({
      code: "PermissionDenied",
      reason: "INSUFFICIENT_SCOPE",
    });
    await as(operators.secret).admin.listProjects({});
    await platform.admin.revokeApiKey({ keyId });
    expect(await failure(as(operators.secret).admin.listProjects({}))).toMatchObject({
      reason: "REVOKED_KEY",
    });
  });

  it("is listed by pages, newest first, without its secret", async () => {
    const { secret } = await platform.admin.createProject({ projectId: "pages" });
    const admin = as(secret).admin;
    for (const name of ["a", "b", "c"]) await admin.createApiKey({ name, scopes: [Scope.QUERY] });
    const first = await admin.listApiKeys({ pageSize: 2 });
    expect(first.keys.map(({ name }) => name)).toEqual(["c", "b"]);
    const rest = await admin.listApiKeys({ pageSize: 2, pageToken: first.nextPageToken });
    expect(rest.keys.map(({ name }) => name)).toEqual(["a", "first key"]);
    expect(rest.nextPageToken).toBe("");
    const pageToken = first.nextPageToken;
    for (const swapped of [
      () => admin.listApiKeys({ pageToken, includeEnded: true }),
      () => shop.admin.listApiKeys({ pageToken }),
      () => platform.admin.listProjects({ pageToken }),
    ]) {
      expect(await failure(swapped())).toEqual({ code: "InvalidArgument", reason: "INVALID_TOKEN" });
    }
  });

  it("ends at a time that can be told, or is not made", async () => {
    const { secret } = await platform.admin.createProject({ projectId: "ends" });
    const { admin } = as(secret);
    const until = (seconds: bigint) =>
      admin.createApiKey({ name: "k", scopes: [Scope.QUERY], expireTime: { seconds, nanos: 0 } });
    const last = 253_402_300_799n;
    for (const seconds of [last + 1n, 2n ** 53n, 2n ** 62n]) {
      const refused = ConnectError.from(await until(seconds).catch((error: unknown) => error));
      expect(Code[refused.code]).toBe("InvalidArgument");
      expect(refused.rawMessage).toContain("expire_time");
    }
    expect((await until(last)).key?.expireTime?.seconds).toBe(last);
    expect((await admin.listApiKeys({})).keys.map(({ name }) => name)).toEqual(["k", "first key"]);
  });

  it("ends by itself, and is refused from then on", async () => {
    const expireTime = new Date(Date.now() + 1500);
    const { secret, key } = await shop.admin.createApiKey({
      name: "short",
      scopes: [Scope.INGEST],
      expireTime: { seconds: BigInt(Math.floor(expireTime.getTime() / 1000)), nanos: 0 },
    });
    expect(key?.expireTime).toBeDefined();
    await expect.poll(async () => (await post(secret, {})).status, { timeout: 5000 }).toBe(401);
  });
});

describe("a browser key", () => {
  let secret: string;
  beforeAll(async () => {
    const request = { name: "web", scopes: [Scope.INGEST], allowedOrigins: [origin] };
    ({ secret } = await shop.admin.createApiKey(request));
  });

  it("has its pages' preflights answered, and no others", async () => {
    const preflight = async (from: string) =>
      (
        await fetch(`${server.url}/v1/events/batch`, {
          method: "OPTIONS",
          headers: { origin: from, "access-control-request-method": "POST" },
        })
      ).headers.get("access-control-allow-origin");
    expect(await preflight(origin)).toBe(origin);
    expect(await preflight("https://evil.example")).toBeNull();
  });

  it("is taken from its pages alone, in the header or in the query of the batch route", async () => {
    expect((await post(secret, { origin })).status).toBe(200);
    expect((await post("", { origin }, `/v1/events/batch?key=${secret}`)).status).toBe(200);
    expect((await post(secret, { origin: "https://evil.example" })).status).toBe(403);
    expect((await post(secret, {})).status).toBe(403);
    expect((await post("", { origin }, `/v1/events?key=${secret}`)).status).toBe(401);
    const answer = await post(secret, { origin });
    expect(answer.headers.get("access-control-allow-origin")).toBe(origin);
    expect(server.log()).not.toContain(secret);
  });

  it("asks nothing, and no other key stands in the query", async () => {
    const summary = await fetch(`${server.url}/v1/analytics/summary`, {
      headers: { "x-api-key": secret, origin },
    });
    expect(summary.status).toBe(403);
    const { secret: other } = await shop.admin.createApiKey({ name: "s", scopes: [Scope.INGEST] });
    expect((await post("", {}, `/v1/events/batch?key=${other}`)).status).toBe(403);
    expect((await post(other, { origin })).status).toBe(403);
    // A page that the server itself gave is not foreign.
    expect((await post(other, { origin: server.url })).status).toBe(200);
  });

  it("is taken from the origins that the server trusts too, where it names them", async () => {
    const allowedOrigins = [trusted, server.url];
    const request = { name: "own", scopes: [Scope.INGEST], allowedOrigins };
    const { secret: own } = await shop.admin.createApiKey(request);
    for (const from of allowedOrigins) {
      expect((await post(own, { origin: from })).status).toBe(200);
      expect((await post("", { origin: from }, `/v1/events/batch?key=${own}`)).status).toBe(200);
      expect((await post(secret, { origin: from })).status).toBe(403);
    }
    const { secret: other } = await shop.admin.createApiKey({ name: "s", scopes: [Scope.INGEST] });
    expect((await post(other, { origin: trusted })).status).toBe(200);
  });

  it("can have no other scope", async () => {
    const request = { name: "web", scopes: [Scope.INGEST, Scope.QUERY], allowedOrigins: [origin] };
    expect(await failure(shop.admin.createApiKey(request))).toMatchObject({ code: "InvalidArgument" });
  });
});
