/** Keys and projects that one process makes or ends, as the others see them. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient, errorReason, type WeirClient } from "../../client/node/index.ts";
import { Scope } from "../../src/contract/options.ts";
import { type Role, roles } from "../../src/domain/roles.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

const bootstrapKey = "a-key-of-the-operator-of-all-three-processes";

let installation: Installation;
let servers: Record<Role, RunningServer>;
let operators: Record<Role, WeirClient>;
const clients: WeirClient[] = [];
function clientOf(role: Role, apiKey: string): WeirClient {
  const client = createWeirClient({ url: servers[role].url, apiKey, retry: { maxAttempts: 1 } });
  clients.push(client);
  return client;
}

beforeAll(async () => {
  installation = await startInstallation({
    env: { WEIR_AUTH: "required", WEIR_BOOTSTRAP_KEY: bootstrapKey },
  });
  servers = await installation.serveEach();
  operators = Object.fromEntries(
    roles.map((role) => [role, clientOf(role, bootstrapKey)]),
  ) as typeof operators;
});
afterAll(async () => {
  for (const client of clients) await client.close();
  await installation?.close();
});

/**
 * A second is what a process takes, half of it for its own looks at the state (tests/integration/keys.test.ts, by a clock
 * that the test holds), half for what lies between the processes, which a busy machine makes longer.
 */
const patiently = { timeout: 20_000, interval: 10 };

/** Resolves once every process answers the key's call so: "taken", or the reason why it is refused. */
async function everywhere(key: string, outcome: string): Promise<void> {
  const askers = roles.map((role) => clientOf(role, key));
  const outcomes = () =>
    Promise.all(
      askers.map(({ admin }) =>
        admin.listApiKeys({}).then(
          () => "taken",
          (error: unknown) => errorReason(error),
        ),
      ),
    );
  await vi.waitFor(async () => expect(await outcomes()).toEqual(roles.map(() => outcome)), patiently);
}

/** A stream in by one process and one out by another, both under way. @returns the reasons why they end */
async function streamsOf(key: string): Promise<Promise<unknown>[]> {
  async function* requests() {
    yield { message: { case: "config" as const, value: {} } };
    await new Promise(() => {});
  }
  const streams: AsyncIterable<unknown>[] = [
    clientOf("ingest", key).ingestion.streamEvents(requests()),
    clientOf("analytics", key).analytics.getRealTimeAnalytics({}),
  ];
  return Promise.all(
    streams.map(async (stream) => {
      const messages = stream[Symbol.asyncIterator]();
      expect((await messages.next()).done).toBe(false);
      const end = async () => {
        while ((await messages.next()).done !== true);
      };
      // In an array, so that nobody waits for it yet.
      return [end().then(() => "whole", errorReason)];
    }),
  ).then((ends) => ends.flat());
}

describe.each(roles)("a key made through the process with the role %s", (maker) => {
  it("is taken by all, and refused by all once another one has revoked it", async () => {
    const scopes = [Scope.INGEST, Scope.QUERY, Scope.ADMIN];
    const made = await operators[maker].admin.createApiKey({ name: `by ${maker}`, scopes });
    await everywhere(made.secret, "taken");
    const user = `user-of-${maker}`;
    const { visibilityToken } = await clientOf("ingest", made.secret).ingestion.ingestEvent({
      event: { id: "e", userId: user, name: "n" },
    });
    const { totalEvents } = await clientOf("analytics", made.secret).analytics.getAnalyticsSummary({
      filter: `user_id == "${user}"`,
      minVisibility: [visibilityToken],
    });
    expect(totalEvents).toBe(1n);

    const streams = await streamsOf(made.secret);
    const revoker = roles[(roles.indexOf(maker) + 1) % roles.length]!;
    await operators[revoker].admin.revokeApiKey({ keyId: made.key!.keyId });
    await everywhere(made.secret, "REVOKED_KEY");
    for (const stream of streams) expect(await stream).toBe("REVOKED_KEY");
    // Whoever has refused it does not take it again.
    await everywhere(made.secret, "REVOKED_KEY");
  });
});

it("a project that is asked for through all processes at once is made by one of them", async () => {
  const calls = roles.flatMap((role) =>
    [1, 2].map((i) =>
      operators[role].admin.createProject({ projectId: "wanted-by-many", displayName: `${role} ${i}` }),
    ),
  );
  const outcomes = await Promise.allSettled(calls);
  const made = outcomes.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  expect(made).toHaveLength(1);
  const refused = outcomes.flatMap((outcome) => (outcome.status === "rejected" ? [outcome.reason] : []));
  expect(new Set(refused.map(errorReason))).toEqual(new Set(["PROJECT_EXISTS"]));
  await everywhere(made[0]!.secret, "taken");
});

it("a project made through one process has keys and events of its own in the others", async () => {
  const { secret } = await operators.ingest.admin.createProject({ projectId: "shop" });
  await everywhere(secret, "taken");
  const key = { name: "sends and asks", scopes: [Scope.INGEST, Scope.QUERY] };
  const made = await clientOf("consumer", secret).admin.createApiKey(key);
  const sender = clientOf("ingest", made.secret);
  const reader = clientOf("analytics", made.secret);
  const event = { id: "e", userId: "user-of-ingest", name: "n" };
  const { visibilityToken } = await vi.waitFor(() => sender.ingestion.ingestEvent({ event }), patiently);
  const asked = { minVisibility: [visibilityToken] };
  const { totalEvents } = await vi.waitFor(() => reader.analytics.getAnalyticsSummary(asked), patiently);
  expect(totalEvents).toBe(1n);
  const other = await operators.analytics.admin.createApiKey({ name: "asks", scopes: [Scope.QUERY] });
  const error = await clientOf("analytics", other.secret)
    .analytics.getAnalyticsSummary(asked)
    .catch((thrown: unknown) => thrown);
  expect(errorReason(error)).toBe("INVALID_TOKEN");
});
