/** Topics from before there were projects, whose records are all of `default` and whose state names no project. */
import { create, toBinary } from "@bufbuild/protobuf";
import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, errorReason } from "../../client/node/index.ts";
import { RecordSchema } from "../../gen/analytics/v1/record_pb.js";
import { caughtUp } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { sendByJava } from "../support/kafka/records.ts";
import { weir } from "../support/process.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation({ env: { WEIR_AUTH: "required" } });
});
afterAll(() => installation?.close());

const users = ["ann", "bob", "zoë"];
const recordOf = (userId: string) => {
  const event = { id: "e", userId, name: "before" };
  const receivedTime = timestampFromDate(new Date("2025-06-01"));
  return toBinary(RecordSchema, create(RecordSchema, { project: "default", receivedTime, event }));
};

describe.each([
  ["ClickHouse", "weir", undefined],
  ["DuckDB", "old", ""],
])("over %s", (_, prefix, store) => {
  it("they are the project default's, whole, and no other's", async () => {
    const { kafka } = installation;
    const env = {
      ...installation.env,
      WEIR_LOG: `kafka://${kafka.brokers.join(",")}/${prefix}`,
      ...(store === undefined ? {} : { WEIR_STORE: store }),
    };
    const run = async (...args: string[]) => {
      const { code, stdout, stderr } = await weir(args, { env });
      expect(code, stderr).toBe(0);
      return stdout.trim();
    };
    // The topics of the first store are there already.
    if (store !== undefined) await run("topics", "create");
    const records = users.map((userId) => ({ key: userId, value: recordOf(userId) }));
    await sendByJava(kafka, `${prefix}.events`, records);

    const keyOf = (project: string, scopes: string) =>
      run("keys", "create", "--project", project, "--scopes", scopes);
    const apiKey = await keyOf("default", "ingest,query");
    const otherKey = await keyOf("shop", "ingest,query");
    const { url } = await installation.serve("all", { env });
    const [own, other] = [createWeirClient({ url, apiKey }), createWeirClient({ url, apiKey: otherKey })];
    try {
      await caughtUp(url, users.length, await keyOf("default", "platform"));
      const { events } = await own.analytics.listEvents({});
      expect(events.map(({ event }) => event!.userId).sort()).toEqual(users);
      expect((await other.analytics.listEvents({})).events).toEqual([]);
      // A copy of one of them counts in the other project alone.
      const event = { id: "e", userId: "ann", name: "before" };
      const durability = { durability: 3 } as const;
      for (const { ingestion } of [own, other]) await ingestion.ingestEvent({ event, options: durability });
      expect((await own.analytics.getAnalyticsSummary({})).totalEvents).toBe(3n);
      const token = (await own.ingestion.ingestEvent({ event })).visibilityToken;
      const asked = (client: typeof own) => client.analytics.getAnalyticsSummary({ minVisibility: [token] });
      expect((await asked(own)).totalEvents).toBe(3n);
      expect(errorReason(await asked(other).catch((error: unknown) => error))).toBe("INVALID_TOKEN");
      expect((await other.analytics.getAnalyticsSummary({})).totalEvents).toBe(1n);
    } finally {
      await own.close();
      await other.close();
    }
  });
});
