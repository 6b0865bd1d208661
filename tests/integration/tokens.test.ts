import { createHmac } from "node:crypto";
import { mkdtempSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { exportSPKI, importJWK } from "jose";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient, errorReason } from "../../client/node/index.ts";
import { createKeySet } from "../../src/auth/tokens/key-set.ts";
import { createTokens, type Tokens, type TokensOptions } from "../../src/auth/tokens/tokens.ts";
import { Scope } from "../../src/contract/options.ts";
import type { WeirError } from "../../src/domain/errors.ts";
import { audience, issuer, jwks, type SigningKey, serveJwks, signingKey, token } from "../support/issuer.ts";
import { refusedStart } from "../support/refused-start.ts";
import { startServer } from "../support/server.ts";

let key: SigningKey;
let other: SigningKey;
let elliptic: SigningKey;
const directory = mkdtempSync(join(tmpdir(), "weir-tokens-"));
const file = join(directory, "jwks.json");
const closing: (() => Promise<unknown>)[] = [];
beforeAll(async () => {
  [key, other, elliptic] = [
    await signingKey("one"),
    await signingKey("two"),
    await signingKey("three", "ES256"),
  ];
});
afterEach(async () => {
  for (const close of closing.splice(0)) await close();
});
afterAll(() => rmSync(directory, { recursive: true }));

const warnings: string[] = [];
const warn = (_: unknown, message: string) => void warnings.push(message);

function tokens(options: Partial<TokensOptions> = {}): Tokens {
  return createTokens({
    keySet: options.keySet ?? createKeySet({ location: file, warn }),
    issuer,
    audiences: [audience, "other"],
    projectClaim: "project",
    scopeClaim: "scope",
    skewMs: 30_000,
    projectExists: (id) => id === "default",
    now: Date.now,
    ...options,
  });
}

function keys(...of: readonly SigningKey[]): void {
  // At once, and with another inode, as one who rotates keys does it.
  writeFileSync(`${file}.next`, JSON.stringify(jwks(...of)));
  renameSync(`${file}.next`, file);
}

async function refusal(of: Tokens, text: string): Promise<{ code: string; reason: string } | undefined> {
  try {
    await of(text);
    return undefined;
  } catch (error) {
    const { code, reason } = error as WeirError;
    return { code, reason };
  }
}

/** A JWKS of somebody who has mistaken the private key for the public one. */
function privateSet(): string {
  const path = join(directory, "private.json");
  writeFileSync(path, JSON.stringify({ keys: [{ kty: "RSA", n: "AQ", e: "AQAB", d: "AQ" }] }));
  return path;
}

const base64 = (value: unknown) => Buffer.from(JSON.stringify(value)).toString("base64url");
const seconds = () => Math.floor(Date.now() / 1000);

describe("a token", () => {
  it("says whose call it is and what it may", async () => {
    keys(key, elliptic);
    for (const signer of [key, elliptic]) {
      const principal = await tokens()(await token(signer, { scope: "query admin openid profile" }));
      expect(principal).toMatchObject({ project: "default", keyId: "token alice" });
      expect([...principal.scopes]).toEqual([Scope.QUERY, Scope.ADMIN]);
    }
    const listed = await tokens()(await token(key, { scope: ["platform"], aud: ["x", "other"] }));
    expect([...listed.scopes]).toEqual([Scope.PLATFORM]);
    expect([...(await tokens()(await token(key, { scope: 7 }))).scopes]).toEqual([]);
  });

  it("may name project and scopes by other claims", async () => {
    keys(key);
    const own = tokens({ projectClaim: "tenant", scopeClaim: "https://id.example/roles" });
    const text = await token(key, {
      tenant: "default",
      project: "evil",
      "https://id.example/roles": ["ingest"],
    });
    expect([...(await own(text)).scopes]).toEqual([Scope.INGEST]);
  });

  const wrong: Record<string, readonly [make: () => Promise<string>, reason: string, code?: string]> = {
    "that has expired": [() => token(key, { exp: seconds() - 31 }), "TOKEN_EXPIRED"],
    "that is not valid yet": [() => token(key, { nbf: seconds() + 40 }), "TOKEN_NOT_YET_VALID"],
    "for another audience": [() => token(key, { aud: "somebody" }), "TOKEN_AUDIENCE"],
    "of another issuer": [() => token(key, { iss: "https://evil.example" }), "TOKEN_ISSUER"],
    "that never expires": [() => token(key, { exp: undefined }), "TOKEN_CLAIMS"],
    "whose expiry is no time": [() => token(key, { exp: "never" as never }), "TOKEN_CLAIMS"],
    "without a project": [() => token(key, { project: undefined }), "TOKEN_CLAIMS"],
    "of a project that does not exist": [
      () => token(key, { project: "no" }),
      "UNKNOWN_PROJECT",
      "PERMISSION_DENIED",
    ],
    "signed by a key that is not the issuer's": [() => token(other), "TOKEN_KEY"],
    "signed by another key than it names": [() => token({ ...other, kid: key.kid }), "TOKEN_SIGNATURE"],
    "whose claims were changed": [
      async () => {
        const [header, , signature] = (await token(key)).split(".");
        const [, forged] = (await token(other, { project: "default", scope: "platform" })).split(".");
        return `${header}.${forged}.${signature}`;
      },
      "TOKEN_SIGNATURE",
    ],
    "that says it is not signed": [
      async () => `${base64({ alg: "none" })}.${(await token(key)).split(".")[1]}.`,
      "TOKEN_UNSIGNED",
    ],
    "that says so in other letters": [
      async () => `${base64({ alg: "nOnE", kid: "one" })}.${(await token(key)).split(".")[1]}.`,
      "TOKEN_UNSIGNED",
    ],
    "signed with the public key as a shared secret": [
      async () => {
        const pem = await exportSPKI((await importJWK(key.publicJwk, "RS256")) as CryptoKey);
        const body = `${base64({ alg: "HS256", kid: "one" })}.${(await token(key)).split(".")[1]}`;
        return `${body}.${createHmac("sha256", pem).update(body).digest("base64url")}`;
      },
      "TOKEN_ALGORITHM",
    ],
    "by an algorithm that is not its key's": [() => token({ ...elliptic, kid: key.kid }), "TOKEN_KEY"],
    "with a header that must be understood": [
      () =>
        token(key, {}, { crit: ["x"], x: 1 }).catch(async () => {
          const [, payload, signature] = (await token(key)).split(".");
          return `${base64({ alg: "RS256", kid: "one", crit: ["x"], x: 1 })}.${payload}.${signature}`;
        }),
      "TOKEN_ALGORITHM",
    ],
    "whose header is no JSON": [async () => "e30x.e30.e30", "TOKEN_MALFORMED"],
    "whose claims are no object": [
      async () => `${base64({ alg: "RS256", kid: "one" })}..`,
      "TOKEN_SIGNATURE",
    ],
  };

  it.each(Object.keys(wrong))("%s is refused with a reason of its own", async (what) => {
    keys(key);
    const [make, reason, code = "UNAUTHENTICATED"] = wrong[what]!;
    expect(await refusal(tokens(), await make())).toEqual({ code, reason });
  });

  it("is taken within the clock's skew", async () => {
    keys(key);
    for (const claims of [{ exp: seconds() - 20 }, { nbf: seconds() + 20 }]) {
      expect(await refusal(tokens(), await token(key, claims))).toBeUndefined();
      expect(await refusal(tokens({ skewMs: 0 }), await token(key, claims))).toBeDefined();
    }
  });

  it("that was taken before is refused once it has expired", async () => {
    keys(key);
    let nowMs = Date.now();
    const clocked = tokens({ now: () => nowMs, skewMs: 0, keptMs: 3_600_000 });
    const text = await token(key);
    expect(await refusal(clocked, text)).toBeUndefined();
    nowMs += 601_000;
    expect(await refusal(clocked, text)).toMatchObject({ reason: "TOKEN_EXPIRED" });
  });
});

describe("the issuer's keys", () => {
  it("in a file are followed as they change, and stay where it cannot be read", async () => {
    keys(key);
    const all = tokens({ keptMs: 0 });
    expect(await refusal(all, await token(other))).toMatchObject({ reason: "TOKEN_KEY" });
    keys(other);
    expect(await refusal(all, await token(other))).toBeUndefined();
    expect(await refusal(all, await token(key))).toMatchObject({ reason: "TOKEN_KEY" });
    const late = await token(other);
    writeFileSync(file, "no JSON");
    expect(await refusal(all, late)).toBeUndefined();
    expect(() => tokens()).toThrow(/no JSON/);
    expect(warnings.at(-1)).toMatch(/cannot be read anew/);
  });

  it("at a URL are fetched when they are needed, and again for a key that is new", async () => {
    const server = await serveJwks(jwks(key));
    closing.push(() => server.close());
    const all = tokens({ keySet: createKeySet({ location: server.url, warn, cooldownMs: 0 }), keptMs: 0 });
    expect(server.requests).toBe(0);
    expect(await refusal(all, await token(key))).toBeUndefined();
    expect(await refusal(all, await token(key))).toBeUndefined();
    expect(server.requests).toBe(1);
    server.set = jwks(key, other);
    expect(await refusal(all, await token(other))).toBeUndefined();
    expect(server.requests).toBe(2);
  });

  it("at a URL are fetched again at the first use of one that was rotated in, and then not for some seconds", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    closing.push(async () => void vi.useRealTimers());
    const server = await serveJwks(jwks(key));
    closing.push(() => server.close());
    const all = tokens({ keySet: createKeySet({ location: server.url, warn }), keptMs: 0 });
    expect(await refusal(all, await token(key))).toBeUndefined();
    server.set = jwks(other);
    vi.setSystemTime(Date.now() + 2000);
    expect(await refusal(all, await token(other))).toBeUndefined();
    expect(await refusal(all, await token(key))).toMatchObject({ reason: "TOKEN_KEY" });
    for (let i = 0; i < 5; i++) await refusal(all, await token({ ...other, kid: `k-${i}` }));
    expect(server.requests).toBe(2);
  });

  it("at a URL are refused once they are withdrawn, when the age has passed at which they are fetched anew", async () => {
    vi.useFakeTimers({ toFake: ["Date"] });
    closing.push(async () => void vi.useRealTimers());
    const server = await serveJwks(jwks(key, other));
    closing.push(() => server.close());
    const all = tokens({ keySet: createKeySet({ location: server.url, warn }) });
    const text = await token(key);
    expect(await refusal(all, text)).toBeUndefined();
    server.set = jwks(other);
    vi.setSystemTime(Date.now() + 299_000);
    expect(await refusal(all, text)).toBeUndefined();
    // What was verified a moment before the keys came anew is taken for ten seconds more.
    vi.setSystemTime(Date.now() + 11_000);
    expect(await refusal(all, text)).toMatchObject({ reason: "TOKEN_KEY" });
  });

  it("at a URL are not fetched for every token that names one that is not there", async () => {
    const server = await serveJwks(jwks(key));
    closing.push(() => server.close());
    const all = tokens({
      keySet: createKeySet({ location: server.url, warn, cooldownMs: 60_000 }),
      keptMs: 0,
    });
    for (let i = 0; i < 20; i++) {
      expect(await refusal(all, await token({ ...other, kid: `k-${i}` }))).toMatchObject({
        reason: "TOKEN_KEY",
      });
    }
    expect(server.requests).toBe(1);
  });

  it("are waited for by so many callers and no more, while those whose key is known wait for nothing", async () => {
    const server = await serveJwks(jwks(key));
    closing.push(() => server.close());
    const keySet = createKeySet({ location: server.url, warn, cooldownMs: 0, maxWaiting: 2 });
    const all = tokens({ keySet, keptMs: 0 });
    expect(await refusal(all, await token(key))).toBeUndefined();
    const { promise, resolve } = Promise.withResolvers<void>();
    server.ready = promise;
    const [strange, alsoStrange] = await Promise.all(["x", "y"].map((kid) => token({ ...other, kid })));
    const waiting = [refusal(all, strange!), refusal(all, alsoStrange!)];
    await vi.waitFor(() => expect(server.requests).toBe(2));
    const tooMany = { code: "RESOURCE_EXHAUSTED", reason: "TOO_MANY_REQUESTS" };
    for (const kid of ["z", key.kid]) {
      expect(await refusal(all, await token({ ...elliptic, kid }))).toEqual(tooMany);
    }
    expect(await refusal(all, await token(key))).toBeUndefined();
    resolve();
    for (const one of waiting) expect(await one).toMatchObject({ reason: "TOKEN_KEY" });
    expect(await refusal(all, await token(key))).toBeUndefined();
  });

  it("that cannot be fetched are the server's trouble, not the caller's", async () => {
    const server = await serveJwks(jwks(key));
    closing.push(() => server.close());
    server.set = undefined;
    const unavailable = { code: "UNAVAILABLE", reason: "TOKEN_KEYS_UNAVAILABLE" };
    const asked = tokens({ keySet: createKeySet({ location: server.url, warn, failureMs: 60_000 }) });
    for (let i = 0; i < 5; i++) expect(await refusal(asked, await token(key))).toEqual(unavailable);
    expect(server.requests).toBe(1);
    const all = tokens({ keySet: createKeySet({ location: server.url, warn, failureMs: 0 }) });
    expect(await refusal(all, await token(key))).toEqual(unavailable);
    server.set = jwks(key);
    expect(await refusal(all, await token(key))).toBeUndefined();
  });
});

describe("a server", () => {
  const flags = (location: string) => [
    "--jwt-keys",
    location,
    "--jwt-issuer",
    issuer,
    "--jwt-audience",
    audience,
  ];

  it.each(["grpc", "grpc-web", "connect"] as const)(
    "lets in the next stream over %s after one whose token it refused",
    async (transport) => {
      keys(key);
      const server = await startServer({ args: ["--auth", "required", ...flags(file)] });
      closing.push(() => server.stop());
      const given = [await token(key, { exp: seconds() - 100 }), await token(key, { scope: "query" })];
      let asked = 0;
      const client = createWeirClient({ url: server.url, transport, token: () => given[asked++] ?? "none" });
      closing.unshift(() => client.close());
      const tail = async () => {
        const leaving = new AbortController();
        try {
          for await (const _ of client.analytics.tailEvents({}, { signal: leaving.signal })) return "let in";
        } catch (error) {
          return errorReason(error);
        } finally {
          leaving.abort();
        }
      };
      // The first message is the server's own, by which a stream without events shows that it goes on.
      expect([await tail(), await tail(), await tail()]).toEqual(["TOKEN_EXPIRED", "let in", "let in"]);
      expect(asked).toBe(2);
    },
  );

  it("takes tokens as it takes keys, though from no page of another site, and tells none of them", async () => {
    keys(key);
    const server = await startServer({ args: ["--auth", "required", ...flags(file)] });
    try {
      const good = await token(key, { scope: "query" });
      const status = async (path: string, text: string) =>
        (await fetch(server.url + path, { headers: { authorization: `Bearer ${text}` } })).status;
      expect(await status("/v1/analytics/summary", good)).toBe(200);
      expect(await status("/stats", good)).toBe(403);
      const ofPage = await fetch(`${server.url}/v1/analytics/summary`, {
        headers: { authorization: `Bearer ${good}`, origin: "https://shop.example" },
      });
      expect(ofPage.status).toBe(403);
      expect(await ofPage.json()).toMatchObject({ details: [{ reason: "KEY_ORIGIN" }] });
      const late = await fetch(`${server.url}/v1/analytics/summary`, {
        headers: { authorization: `Bearer ${await token(key, { exp: seconds() - 100 })}` },
      });
      expect(late.status).toBe(401);
      expect(await late.json()).toMatchObject({ details: [{ reason: "TOKEN_EXPIRED" }] });
      // An encrypted token has five parts.
      for (const none of [`${good}.e30.e30`, `${good}${"x".repeat(17_000)}`]) {
        const answer = await fetch(`${server.url}/v1/analytics/summary`, {
          headers: { authorization: `Bearer ${none}` },
        });
        expect(answer.status).toBe(401);
        expect(await answer.json()).toMatchObject({ details: [{ reason: "TOKEN_MALFORMED" }] });
      }
      const besideNothing = { authorization: `Bearer ${good}`, "x-api-key": "" };
      const taken = await fetch(`${server.url}/v1/analytics/summary`, { headers: besideNothing });
      expect(taken.status).toBe(200);
      expect(server.log()).toContain('"keyId":"token alice"');
      expect(server.log()).not.toContain(good.split(".")[2]);
    } finally {
      await server.stop();
    }
  });

  it("counts what a subject sends for the subject of its own project alone, and of none that is not named", async () => {
    keys(key);
    const operatorsKey = "the-operators-first-key-of-all";
    const server = await startServer({
      args: ["--auth", "required", "--key-events", "1", ...flags(file)],
      env: { WEIR_BOOTSTRAP_KEY: operatorsKey },
    });
    try {
      const operator = createWeirClient({ url: server.url, apiKey: operatorsKey });
      await operator.admin.createProject({ projectId: "beta" });
      await operator.close();
      const events = Array.from({ length: 1000 }, (_, i) => ({ id: `e-${i}`, user_id: "u" }));
      const send = async (project: string, sub: string | undefined) => {
        const headers = { authorization: `Bearer ${await token(key, { project, sub })}` };
        const body = JSON.stringify({ events });
        return (await fetch(`${server.url}/v1/events/batch`, { method: "POST", headers, body })).status;
      };
      for (const sub of ["x", undefined]) {
        expect(await send("default", sub)).toBe(200);
        expect(await send("default", sub)).toBe(429);
        expect(await send("beta", sub)).toBe(200);
      }
    } finally {
      await server.stop();
    }
  });

  it.each([
    [flags("no-such-file"), /--jwt-keys \(WEIR_JWT_KEYS\): no JWKS can be read from no-such-file: ENOENT/],
    [flags("package.json"), /--jwt-keys .*: no JWKS can be read from package\.json: /],
    [flags(privateSet()), /--jwt-keys .*: keys\[0\] is a private key, of which the public part alone/],
    [flags("http://id.example/keys"), /keys that come in the clear could be anybody's: use https/],
    [
      ["--jwt-keys", "https://id.example/keys"],
      /--jwt-issuer \(WEIR_JWT_ISSUER\): needed where tokens are taken/,
    ],
    [["--jwt-issuer", issuer], /--jwt-keys \(WEIR_JWT_KEYS\): needed where tokens are taken/],
  ])("with %j is refused in one line", async (args, says) => {
    const { code, line } = await refusedStart([
      "--listen",
      "127.0.0.1:0",
      "--data-dir",
      join(directory, "d"),
      ...args,
    ]);
    expect(code).toBe(2);
    expect(line).toMatch(says);
  });
});
