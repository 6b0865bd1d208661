/** An issuer of tokens: keys, a JWKS of them, and tokens that are right or wrong in one way. */
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, generateKeyPair, type JSONWebKeySet, SignJWT } from "jose";

export const issuer = "https://id.example";
export const audience = "weir";

export interface SigningKey {
  readonly kid: string;
  readonly alg: string;
  readonly privateKey: CryptoKey;
  readonly publicJwk: Record<string, unknown>;
}

export async function signingKey(kid: string, alg = "RS256"): Promise<SigningKey> {
  const { privateKey, publicKey } = await generateKeyPair(alg, { extractable: true });
  return { kid, alg, privateKey, publicJwk: { ...(await exportJWK(publicKey)), kid, alg, use: "sig" } };
}

export function jwks(...keys: readonly SigningKey[]): JSONWebKeySet {
  return { keys: keys.map(({ publicJwk }) => publicJwk) } as unknown as JSONWebKeySet;
}

/** Seconds since 1970. */
const now = () => Math.floor(Date.now() / 1000);

/** A token that is right, but for what is said. */
export function token(
  key: SigningKey,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
): Promise<string> {
  return new SignJWT({
    iss: issuer,
    aud: audience,
    sub: "alice",
    iat: now(),
    exp: now() + 600,
    project: "default",
    scope: "query ingest",
    ...claims,
  })
    .setProtectedHeader({ alg: key.alg, kid: key.kid, ...header })
    .sign(key.privateKey);
}

export interface JwksServer {
  readonly url: string;
  /** What it serves; undefined: it answers 500. */
  set: JSONWebKeySet | undefined;
  /** Answers wait for it. */
  ready: Promise<void>;
  readonly requests: number;
  close(): Promise<void>;
}

export async function serveJwks(set: JSONWebKeySet): Promise<JwksServer> {
  let requests = 0;
  const server = createServer(async (_, response) => {
    requests++;
    await handle.ready;
    response.statusCode = handle.set === undefined ? 500 : 200;
    response.setHeader("content-type", "application/json").end(JSON.stringify(handle.set ?? {}));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const handle: JwksServer = {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks.json`,
    set,
    ready: Promise.resolve(),
    get requests() {
      return requests;
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  return handle;
}
