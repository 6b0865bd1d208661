/** Every method of the contract, over every protocol and route, with every kind of key. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type ScopeName, scopeNames, scopeOfName } from "../../src/auth/scopes.ts";
import { Scope, scopeOf } from "../../src/contract/options.ts";
import { type RawAnswer, type RawRequest, sendRaw } from "../support/http.ts";
import { withKeys } from "../support/keys.ts";
import { callsOf, methods } from "../support/method-calls.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import type { Wire } from "../support/wires.ts";

const second = 1000;

let dataDir: string;
let server: RunningServer;
/** Secrets by what the key is. */
const secrets: Record<string, string> = {};

beforeAll(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "weir-access-"));
  const project = "default";
  await withKeys(dataDir, async (keys) => {
    for (const scope of scopeNames) {
      const { secret } = await keys.create({ name: scope, project, scopes: [scope] });
      secrets[scope] = secret;
      const others = scopeNames.filter((name) => name !== scope);
      secrets[`all but ${scope}`] = (await keys.create({ name: "", project, scopes: others })).secret;
    }
    const revoked = await keys.create({ name: "revoked", project, scopes: scopeNames });
    await keys.revoke(project, revoked.key.id);
    secrets.revoked = revoked.secret;
    secrets.expired = (
      await keys.create({ name: "expired", project, scopes: scopeNames, expiresMs: Date.now() - second })
    ).secret;
  });
  secrets.wrong = `${secrets.query!.slice(0, -1)}${secrets.query!.endsWith("A") ? "B" : "A"}`;
  server = await startServer({ dataDir, args: ["--auth", "required"] });
});
afterAll(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true });
});

const withKey = (request: RawRequest, key: string, header: "x-api-key" | "authorization"): RawRequest => ({
  ...request,
  headers: { ...request.headers, [header]: header === "x-api-key" ? key : `Bearer ${key}` },
});

/** OK where the answer tells no error. */
function codeOf(wire: Wire, answer: RawAnswer): string {
  try {
    return wire.failure(answer).code;
  } catch {
    return "OK";
  }
}

test("every method states its scope", () => {
  const scopes = methods.filter(({ method }) => scopeOf(method) === Scope.UNSPECIFIED);
  expect(scopes.map(({ name }) => name)).toEqual([]);
});

const unauthenticated = { code: "Unauthenticated", status: 401 };
const denied = { code: "PermissionDenied", status: 403 };

describe.each(methods)("$name", ({ method }) => {
  const scope = scopeOf(method);
  const own = scopeNames.find((name) => scopeOfName(name) === scope) as ScopeName;
  const cells: readonly (readonly [
    what: string,
    expected: { code: string; status: number },
    reason: string,
  ])[] = [
    ["wrong", unauthenticated, "UNKNOWN_KEY"],
    ["expired", unauthenticated, "EXPIRED_KEY"],
    ["revoked", unauthenticated, "REVOKED_KEY"],
    ...(scope === Scope.ANY ? [] : [[`all but ${own}`, denied, "INSUFFICIENT_SCOPE"] as const]),
  ];

  test("is refused without a key, and with one that does not fit", async () => {
    for (const { by, wire, request } of callsOf(method)) {
      const refusal = async (sent: RawRequest) => wire.failure(await sendRaw(server.url, sent));
      const expectedOf = ({ code, status }: typeof denied) => ({ code, status: wire.framed ? 200 : status });
      expect(await refusal(request), by).toMatchObject({ ...expectedOf(unauthenticated), reason: "NO_KEY" });
      for (const [what, expected, reason] of cells) {
        const sent = withKey(request, secrets[what]!, "x-api-key");
        expect(await refusal(sent), `${what} key, ${by}`).toMatchObject({ ...expectedOf(expected), reason });
      }
    }
  });

  test("is let through with a key of its scope, in either header", async () => {
    const key = secrets[scope === Scope.ANY ? "query" : own]!;
    for (const { by, wire, request } of callsOf(method)) {
      for (const header of ["x-api-key", "authorization"] as const) {
        const answer = await sendRaw(server.url, withKey(request, key, header));
        // What it says is another test's affair: here it must not be about the key.
        expect(codeOf(wire, answer), `${header}, ${by}`).not.toMatch(/^(Unauthenticated|PermissionDenied)$/);
      }
    }
  });
});

test.each([
  ["/health", 200],
  ["/ready", 200],
  ["/openapi.json", 200],
  ["/docs", 200],
  ["/", 200],
  ["/stats", 401],
  ["/lag", 401],
  ["/metrics", 401],
])("%s without a key is %i", async (path, status) => {
  expect((await fetch(server.url + path)).status).toBe(status);
});

test("the process's figures want scope platform", async () => {
  for (const path of ["/stats", "/lag", "/metrics"]) {
    const status = async (key: string) =>
      (await fetch(server.url + path, { headers: { "x-api-key": key } })).status;
    expect(await status(secrets["all but platform"]!), path).toBe(403);
    expect(await status(secrets.platform!), path).toBe(200);
  }
});

test("no secret is in the log", () => {
  for (const secret of Object.values(secrets)) expect(server.log()).not.toContain(secret);
});
