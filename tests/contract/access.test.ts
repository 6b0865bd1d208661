/** Who may call what: every method of the contract, over every protocol and route, with every kind of key. */
import { Code } from "@connectrpc/connect";
import { afterAll, beforeAll, expect, test } from "vitest";
import { createWeirClient } from "../../client/node/index.ts";
import type { Keys as StoredKeys } from "../../src/auth/keys.ts";
import { type ScopeName, scopeNames } from "../../src/auth/scopes.ts";
import { Scope, scopeOf } from "../../src/contract/options.ts";
import {
  type Cell,
  type Column,
  cellsOf,
  type Keys,
  type Named,
  others,
  outcomeOf,
  type ProjectKeys,
  refusals,
  rights,
} from "../support/access-table.ts";
import { type RawAnswer, sendRaw } from "../support/http.ts";
import { withKeys } from "../support/keys.ts";
import { methods } from "../support/method-calls.ts";
import { eventRecord, makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { appendRecords, setAside } from "../support/set-aside.ts";
import { envelope } from "../support/wires.ts";

/** Stands in all that is of the first project, and in nothing else. */
const mark = "crimson";
const first = `${mark}-shop`;
const second = "navy-shop";

/** Calls at a time. */
const callers = 16;
/** Some thousands of calls take ten seconds, and several times that on a machine that has other things to do. */
const tableTimeoutMs = 300_000;

let dataDir: string;
/** The table calls as many as it likes at once with one key, of whose places others shall have half. */
const places = ["--max-exports", "64", "--max-live-streams", "1000"];
let server: RunningServer;
let keys: Keys;
/** What the first project has. */
let named: Named;

const eventOf = (project: string, id: string) =>
  eventRecord({ project, id, userId: `${id}-user`, name: `${project}-event`, properties: { of: project } });

async function keysOf(stored: StoredKeys, project: string): Promise<ProjectKeys> {
  const made: Record<string, string> = {};
  const make = async (name: string, scopes: readonly ScopeName[]) => {
    made[name] = (await stored.create({ name: `${project} ${name}`, project, scopes })).secret;
  };
  for (const scope of scopeNames) {
    await make(scope, [scope]);
    await make(
      `all but ${scope}`,
      scopeNames.filter((name) => name !== scope),
    );
  }
  return made as ProjectKeys;
}

beforeAll(async () => {
  dataDir = await makeDataDirectory();
  const letter = eventOf(first, "letter");
  await appendRecords(dataDir, [letter, eventOf(first, "stored"), eventOf(second, "other")]);
  await setAside(dataDir, [letter]);
  const keyId = await withKeys(dataDir, async (stored) => {
    const of = { first: await keysOf(stored, first), second: await keysOf(stored, second) };
    const revoked = await stored.create({ name: "revoked", project: first, scopes: scopeNames });
    await stored.revoke(first, revoked.key.id);
    const ends = { name: "expired", project: first, scopes: scopeNames, expiresMs: Date.now() - 1000 };
    const { query } = of.first;
    keys = {
      ...of,
      wrong: `${query.slice(0, -1)}${query.endsWith("A") ? "B" : "A"}`,
      revoked: revoked.secret,
      expired: (await stored.create(ends)).secret,
    };
    return (await stored.create({ name: `${mark} to be revoked`, project: first, scopes: ["query"] })).key.id;
  });
  server = await startServer({ dataDir, args: ["--auth", "required", ...places] });
  const event = { id: "seen", userId: "seen-user", name: `${mark}-seen` };
  const sent = await as(keys.first.ingest, ({ ingestion }) =>
    ingestion.ingestEvent({ event, options: { durability: 3 } }),
  );
  named = {
    keyId,
    userId: "stored-user",
    deletionId: "d-1",
    deadLetterIds: (await lettersOfFirst()).map(({ deadLetterId }) => deadLetterId),
    minVisibility: [sent.visibilityToken],
  };
});
afterAll(async () => {
  await server?.stop();
  await removeDataDirectory(dataDir);
});

async function as<T>(apiKey: string, ask: (client: ReturnType<typeof createWeirClient>) => Promise<T>) {
  const client = createWeirClient({ url: server.url, apiKey });
  try {
    return await ask(client);
  } finally {
    await client.close();
  }
}
const lettersOfFirst = async () =>
  (await as(keys.first.admin, ({ admin }) => admin.listDeadLetters({}))).deadLetters;

/** Makes the calls of the columns, some at a time. @returns the cells that came out otherwise */
async function wrongCells(
  columns: readonly Column[],
  look: (cell: Cell, answer: RawAnswer) => string | undefined = () => undefined,
): Promise<string[]> {
  const cells = columns.flatMap((column) =>
    methods.flatMap(({ method }) => cellsOf(column, method, keys, named)),
  );
  expect(cells.length).toBeGreaterThan(methods.length);
  const wrong: string[] = [];
  const left = cells.values();
  const caller = async () => {
    for (const cell of left) {
      const answer = await sendRaw(server.url, cell.request);
      const outcome = look(cell, answer) ?? outcomeOf(cell, answer);
      if (outcome === cell.expected) continue;
      wrong.push(`${cell.method.name} | ${cell.by} | ${cell.column}: ${outcome}, not ${cell.expected}`);
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return wrong.sort();
}

/** Told of where an answer has the mark of the first project, whatever the protocol wraps it in. */
function shown({ method, wire }: Cell, { headers, trailers, body }: RawAnswer): string | undefined {
  // Projects and their figures are the platform's.
  if (scopeOf(method) === Scope.PLATFORM) return undefined;
  const details = trailers.get("grpc-status-details-bin") ?? headers.get("grpc-status-details-bin") ?? "";
  const unpacked = wire.name.includes("base64") ? Buffer.from(body.toString(), "base64") : body;
  const texts = [...headers.values(), ...trailers.values(), unpacked.toString("latin1")];
  const all = [...texts, Buffer.from(details, "base64").toString("latin1")].join("\n");
  return all.includes(mark) ? "an answer that shows the first project" : undefined;
}

test("every method states its scope", () => {
  const unspecified = methods.filter(({ method }) => scopeOf(method) === Scope.UNSPECIFIED);
  expect(unspecified.map(({ name }) => name)).toEqual([]);
});

test(
  "the table: method × protocol × (no key, wrong key, wrong scope, expired, revoked, other project, right)",
  async () => {
    expect(await wrongCells(refusals)).toEqual([]);
    expect(await wrongCells(others, shown)).toEqual([]);

    // Nobody of these has done anything: the first project has what it had.
    expect((await lettersOfFirst()).map(({ deadLetterId }) => deadLetterId)).toEqual(named.deadLetterIds);
    const { keys: left } = await as(keys.first.admin, ({ admin }) => admin.listApiKeys({}));
    expect(left.map(({ keyId }) => keyId)).toContain(named.keyId);
    const summary = await as(keys.first.query, ({ analytics }) => analytics.getAnalyticsSummary({}));
    expect(summary.totalEvents).toBe(2n);

    expect(await wrongCells(rights)).toEqual([]);
  },
  tableTimeoutMs,
);

test("reflection wants any key, and the health of gRPC none", async () => {
  const grpc = { version: "2", verb: "POST", body: envelope(new Uint8Array()) } as const;
  const head = { "content-type": "application/grpc+proto", te: "trailers" };
  const status = async (path: string, key: Record<string, string>) => {
    const { headers, trailers } = await sendRaw(server.url, { ...grpc, path, headers: { ...head, ...key } });
    return trailers.get("grpc-status") ?? headers.get("grpc-status");
  };
  for (const version of ["v1", "v1alpha"]) {
    const path = `/grpc.reflection.${version}.ServerReflection/ServerReflectionInfo`;
    expect(await status(path, {}), version).toBe(String(Code.Unauthenticated));
    expect(await status(path, { "x-api-key": keys.wrong }), version).toBe(String(Code.Unauthenticated));
    expect(await status(path, { "x-api-key": keys.second.ingest }), version).toBe("0");
  }
  for (const key of [{}, { "x-api-key": keys.wrong }]) {
    expect(await status("/grpc.health.v1.Health/Check", key)).toBe("0");
  }
});

/** Paths that are no method's, with what they answer to no key, to keys of every scope but platform, and to that. */
test.each([
  ["/health", 200, 200, 200],
  ["/ready", 200, 200, 200],
  ["/openapi.json", 200, 200, 200],
  ["/docs", 200, 200, 200],
  ["/", 200, 200, 200],
  ["/stats", 401, 403, 200],
  ["/lag", 401, 403, 200],
  ["/metrics", 401, 403, 200],
])("%s answers %i without a key, %i with other scopes, %i with scope platform", async (path, ...expected) => {
  const status = async (headers: Record<string, string>) =>
    (await fetch(server.url + path, { headers })).status;
  const keyed = [keys.first["all but platform"], keys.first.platform].map((key) => ({ "x-api-key": key }));
  expect(await Promise.all([{}, ...keyed].map(status))).toEqual(expected);
});

test("no secret is in the log", () => {
  const secrets = [keys.first, keys.second].flatMap((of) => Object.values(of));
  for (const secret of [...secrets, keys.wrong, keys.expired, keys.revoked]) {
    expect(server.log().includes(secret)).toBe(false);
  }
});
