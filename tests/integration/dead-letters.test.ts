import { cp, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createWeirClient, errorReason, type WeirClient } from "../../client/node/index.ts";
import { caughtUp, getJson, summary } from "../support/figures.ts";
import { withKeys } from "../support/keys.ts";
import { eventRecord, makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";
import { appendRecords, brokenRecord, invalidRecord, setAside } from "../support/set-aside.ts";

/** Has dead letters of three valid events, and one of each kind that stays one. */
let prepared: string;
let dataDir: string;
let server: RunningServer | undefined;
let client: WeirClient;
beforeAll(async () => {
  prepared = await makeDataDirectory();
  await appendRecords(prepared, events);
  await setAside(prepared, events);
  await appendRecords(prepared, [brokenRecord("broken"), invalidRecord({ id: "invalid", userId: "carol" })]);
});
afterAll(() => removeDataDirectory(prepared));
beforeEach(async () => {
  dataDir = await makeDataDirectory();
});
afterEach(async () => {
  await client?.close();
  await server?.stop();
  server = undefined;
  await removeDataDirectory(dataDir);
});

async function start(...args: string[]): Promise<RunningServer> {
  const started = await startServer({ dataDir, args });
  server = started;
  // Nothing is to wait for a server that was killed.
  client = createWeirClient({ url: started.url, retry: { maxAttempts: 1 } });
  return started;
}

const events = ["a", "b", "c"].map((id) => eventRecord({ id, userId: `user-${id}` }));
const prepare = () => cp(prepared, dataDir, { recursive: true });

async function idsOf(reason: string): Promise<string[]> {
  const { deadLetters } = await client.admin.listDeadLetters({ reason });
  return deadLetters.map(({ deadLetterId }) => deadLetterId);
}

describe("dead letters", () => {
  it("are listed with reason, record and, where it can be read, event, page by page", async () => {
    await prepare();
    await start();
    const { deadLetters } = await client.admin.listDeadLetters({});
    expect(deadLetters).toHaveLength(5);
    const byReason = Map.groupBy(deadLetters, ({ reason }) => reason);
    const [broken] = byReason.get("UNDECODABLE")!;
    expect(broken).toMatchObject({ record: Uint8Array.of(0xff, 0xff) });
    expect(broken!.event).toBeUndefined();
    expect(
      byReason
        .get("INVALID_EVENT")
        ?.map(({ event }) => event?.id)
        .sort(),
    ).toEqual(["a", "b", "c", "invalid"]);
    const paged: string[] = [];
    for (let pageToken = ""; ; ) {
      const page = await client.admin.listDeadLetters({ pageSize: 2, pageToken });
      paged.push(...page.deadLetters.map(({ deadLetterId }) => deadLetterId));
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    expect(paged).toEqual(deadLetters.map(({ deadLetterId }) => deadLetterId));
  });

  it("count once they are replayed, and only once, however often that is asked", async () => {
    await prepare();
    const { url } = await start();
    const ids = await idsOf("INVALID_EVENT");
    const all = [...ids, "7-7", "nonsense"];
    const first = await client.admin.replayDeadLetters({ deadLetterIds: all });
    expect(first).toMatchObject({ replayedCount: 4, missingIds: ["7-7", "nonsense"] });
    const { totalEvents } = await client.analytics.getAnalyticsSummary({
      minVisibility: [first.visibilityToken],
    });
    expect(totalEvents).toBe(3n);
    expect((await client.admin.replayDeadLetters({ deadLetterIds: ids })).replayedCount).toBe(0);
    // A copy of the event from its sender is one too.
    const sent = await client.ingestion.ingestEvent({ event: { id: "a", userId: "user-a", name: "tick" } });
    expect(sent.message).toContain("is stored already");
    await caughtUp(url);
    expect((await summary(url)).total_events).toBe("3");
    // What is still invalid is a dead letter again, and can be told from the one that was replayed.
    const { deadLetters } = await client.admin.listDeadLetters({ reason: "INVALID_EVENT" });
    expect(
      deadLetters.filter(({ replayTime }) => replayTime === undefined).map(({ event }) => event?.id),
    ).toEqual(["invalid"]);
    expect(deadLetters).toHaveLength(5);
  });

  it("are replayed once although the log has forgotten that they were", async () => {
    await prepare();
    const args = ["--dedup-window", "1m"];
    await start(...args);
    const ids = await idsOf("INVALID_EVENT");
    const letters = (await client.admin.listDeadLetters({ reason: "INVALID_EVENT" })).deadLetters;
    const { visibilityToken } = await client.admin.replayDeadLetters({ deadLetterIds: ids });
    await client.analytics.getAnalyticsSummary({ minVisibility: [visibilityToken] });
    await server!.stop();
    // The same records, which pass the log's own check by another name.
    const again = letters
      .filter(({ event }) => event?.id !== "invalid")
      .map(({ event, record, deadLetterId }) => ({
        ...eventRecord({ id: `again ${event!.id}`, userId: event!.userId }),
        value: [record, Buffer.concat([Uint8Array.of(0x42, deadLetterId.length), Buffer.from(deadLetterId)])],
      }));
    await appendRecords(dataDir, again);
    const { url } = await start(...args);
    expect((await summary(url)).total_events).toBe("3");
  });

  it("count once in a store that is built anew from the log, by rules that take what was set aside", async () => {
    await prepare();
    await start();
    const deadLetterIds = await idsOf("INVALID_EVENT");
    const { visibilityToken } = await client.admin.replayDeadLetters({ deadLetterIds });
    await client.analytics.getAnalyticsSummary({ minVisibility: [visibilityToken] });
    await server!.stop();
    for (const file of await readdir(dataDir)) {
      if (file.startsWith("store.duckdb")) await rm(join(dataDir, file));
    }
    const { url } = await start();
    await caughtUp(url);
    expect((await summary(url)).total_events).toBe("3");
  });

  it("are discarded for ever", async () => {
    await prepare();
    await start();
    const ids = await idsOf("");
    const answer = await client.admin.discardDeadLetters({ deadLetterIds: [...ids, "7-7"] });
    expect(answer).toMatchObject({ discardedCount: 5, missingIds: ["7-7"] });
    expect(await idsOf("")).toEqual([]);
    expect((await client.admin.replayDeadLetters({ deadLetterIds: ids })).missingIds).toEqual(ids);
  });

  it("that cannot be decoded are not replayed, nor is what is asked with them", async () => {
    await prepare();
    await start();
    const refused = client.admin.replayDeadLetters({ deadLetterIds: await idsOf("") });
    expect(errorReason(await refused.catch((error: unknown) => error))).toBe("UNDECODABLE");
    expect((await summary(server!.url)).total_events).toBe("0");
  });

  it("are the affair of their project, and those of no project the platform's", async () => {
    const others = [eventRecord({ id: "other", userId: "u", project: "other" })];
    await prepare();
    await appendRecords(dataDir, others);
    await setAside(dataDir, others);
    const secrets = await withKeys(dataDir, async (keys) => {
      const make = async (project: string, ...scopes: ("admin" | "platform")[]) =>
        (await keys.create({ name: "k", project, scopes })).secret;
      return {
        other: await make("other", "admin"),
        platform: await make("default", "admin", "platform"),
        own: await make("default", "admin"),
      };
    });
    const { url } = await start("--auth", "required");
    const as = (apiKey: string) => createWeirClient({ url, apiKey });
    const [other, platform, own] = [as(secrets.other), as(secrets.platform), as(secrets.own)];
    const list = async (of: WeirClient) => (await of.admin.listDeadLetters({})).deadLetters;
    expect((await list(other)).map(({ event }) => event?.id)).toEqual(["other"]);
    expect((await list(own)).map(({ reason }) => reason)).not.toContain("UNDECODABLE");
    expect(await list(own)).toHaveLength(4);
    expect(await list(platform)).toHaveLength(5);
    const deadLetterIds = (await list(platform)).map(({ deadLetterId }) => deadLetterId);
    for (const call of [
      () => other.admin.replayDeadLetters({ deadLetterIds }),
      () => other.admin.discardDeadLetters({ deadLetterIds }),
    ]) {
      expect((await call()).missingIds).toEqual(deadLetterIds);
    }
    const { nextPageToken } = await platform.admin.listDeadLetters({ pageSize: 1 });
    const swapped = await other.admin
      .listDeadLetters({ pageToken: nextPageToken })
      .catch((error: unknown) => error);
    expect(errorReason(swapped)).toBe("INVALID_TOKEN");
    for (const one of [other, platform, own]) await one.close();
  });
});

describe("a replay and kill -9", () => {
  it("count each event once, wherever the server is killed", async () => {
    await prepare();
    let running = await start();
    const deadLetterIds = (await idsOf("INVALID_EVENT")).filter((id) => id !== "");
    for (const moment of ["sent", "answered", "applied"] as const) {
      const sent = client.admin.replayDeadLetters({ deadLetterIds });
      if (moment === "sent") {
        // Whether it got as far as the log is a matter of luck.
        await Promise.all([sent.catch(() => {}), running.kill9()]);
      } else {
        const { visibilityToken } = await sent;
        if (moment === "applied")
          await client.analytics.getAnalyticsSummary({ minVisibility: [visibilityToken] });
        await running.kill9();
      }
      await client.close();
      running = await start();
      await caughtUp(running.url);
      const { total_events } = await summary(running.url);
      if (moment !== "sent") expect(total_events, moment).toBe("3");
    }
    const listed = await getJson(running.url, "/v1/analytics/events");
    expect(listed.events.map(({ event }: { event: { id: string } }) => event.id).sort()).toEqual([
      "a",
      "b",
      "c",
    ]);
  });
});

it("a page ends where its records become large, whatever size was asked for", async () => {
  const large = ["1", "2", "3", "4", "5"].map((id) => ({
    ...brokenRecord(id),
    value: [Buffer.alloc(600_000, 0xff)],
  }));
  await appendRecords(dataDir, [...large, brokenRecord("small")]);
  const { url } = await start();
  await caughtUp(url);
  const pages: number[] = [];
  for (let pageToken = ""; ; ) {
    const page = await client.admin.listDeadLetters({ pageToken, pageSize: 1000 });
    pages.push(page.deadLetters.length);
    pageToken = page.nextPageToken;
    if (pageToken === "") break;
  }
  // Of 1.5 MiB at most, the small one among them.
  expect(Math.max(...pages)).toBeLessThanOrEqual(3);
  expect(pages.reduce((all, one) => all + one)).toBe(6);
  expect(await weir(["dlq", "discard", "--all", "--url", url])).toMatchObject({ stdout: "discarded 6\n" });
});

it("weir dlq lists, shows, replays and discards", async () => {
  await prepare();
  const { url } = await start();
  const dlq = (...args: string[]) => weir(["dlq", ...args, "--url", url]);
  const listed = await dlq("list");
  expect(listed.stdout.trim().split("\n")).toHaveLength(5);
  expect(listed.stdout).toMatch(/^ {2}\d+-\d+ {2}\S+Z {2}(UNDECODABLE|INVALID_EVENT) {2}\S/m);
  const [id] = await idsOf("INVALID_EVENT");
  expect(JSON.parse((await dlq("show", id!)).stdout)).toMatchObject({
    dead_letter_id: id,
    reason: "INVALID_EVENT",
  });
  expect(await dlq("show", "7-7")).toMatchObject({
    code: 1,
    stderr: "weir dlq: there is no dead letter 7-7\n",
  });
  expect(await dlq("replay", "--all", "--reason", "INVALID_EVENT")).toMatchObject({
    code: 0,
    stdout: "replayed 4\n",
  });
  await caughtUp(url);
  expect((await summary(url)).total_events).toBe("3");
  expect(await dlq("replay", id!)).toMatchObject({ stdout: "replayed 0, 1 were replayed before\n" });
  expect(await dlq("discard", "--all")).toMatchObject({ code: 0, stdout: "discarded 6\n" });
  expect((await dlq("list")).stdout).toBe("");
  expect(await dlq("discard")).toMatchObject({ code: 2 });
});

it("weir dlq replay --all replays what can be decoded, and names the rest", async () => {
  await prepare();
  const { url } = await start();
  const dlq = (...args: string[]) => weir(["dlq", ...args, "--url", url]);
  const [broken] = await idsOf("UNDECODABLE");
  const named = `weir dlq: dead letter ${broken} cannot be decoded, and so not replayed\n`;
  const all = await dlq("replay", "--all");
  expect(all).toMatchObject({ code: 1, stdout: "replayed 4\n", stderr: named });
  await caughtUp(url);
  expect((await summary(url)).total_events).toBe("3");
  const only = await dlq("replay", "--all", "--reason", "UNDECODABLE");
  expect(only).toMatchObject({ code: 1, stdout: "replayed 0\n", stderr: named });
  const among = await dlq("replay", broken!, ...(await idsOf("INVALID_EVENT")));
  expect(among).toMatchObject({ code: 3, stdout: "", stderr: expect.stringContaining("cannot be decoded") });
});

it("weir dlq waits where its key may ask no more often, and ends with the whole", async () => {
  await prepare();
  // Each takes a page for itself.
  const large = ["1", "2", "3"].map((id) => ({
    ...brokenRecord(id),
    value: [Buffer.alloc(900_000, 0xff)],
  }));
  await appendRecords(dataDir, large);
  const { secret } = await withKeys(dataDir, (keys) =>
    keys.create({
      name: "slow",
      project: "default",
      scopes: ["admin", "platform"],
      limits: { requestsPerSecond: 1 },
    }),
  );
  const { url } = await start("--auth", "required");
  const dlq = (...args: string[]) => weir(["dlq", ...args, "--url", url], { env: { WEIR_API_KEY: secret } });
  expect((await dlq("list")).stdout.trim().split("\n")).toHaveLength(8);
  expect(await dlq("discard", "--all")).toMatchObject({ code: 0, stdout: "discarded 8\n" });
});

it("weir dlq refuses flags that do not narrow what it was told to do, and changes nothing", async () => {
  await prepare();
  const { url } = await start();
  const [id] = await idsOf("UNDECODABLE");
  const refused = [
    ["discard", "--all", "--limit", "1"],
    ["discard", "--all", "--json"],
    ["discard", "--all", "--reason", ""],
    ["discard", id!, "--reason", "INVALID_EVENT"],
    ["replay", "--all", "--limit", "1"],
    ["replay", id!, "--reason", "UNDECODABLE"],
    ["show", id!, "--reason", "INVALID_EVENT"],
    ["list", "--all"],
  ];
  for (const args of refused) {
    const { code, stdout, stderr } = await weir(["dlq", ...args, "--url", url]);
    expect({ code, stdout }, args.join(" ")).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^weir dlq: --(limit|json|reason|all) /);
  }
  expect(await idsOf("")).toHaveLength(5);
});

it("a dead letter has one id alone", async () => {
  await prepare();
  await start();
  const ids = await idsOf("");
  const others = ids.flatMap((id) => [`0${id}`, id.replace("-", "-0")]);
  for (const change of [client.admin.replayDeadLetters, client.admin.discardDeadLetters])
    expect((await change({ deadLetterIds: others })).missingIds).toEqual(others);
  expect(await idsOf("")).toEqual(ids);
});

it("weir dlq prints no character that would steer the terminal or turn the line around", async () => {
  const key = "a\u009b2J\u202eb\u001b[2J";
  const record = eventRecord({ id: "steering", userId: "u", measures: { [key]: Number.POSITIVE_INFINITY } });
  await appendRecords(dataDir, [record]);
  const { url } = await start();
  const dlq = (...args: string[]) => weir(["dlq", ...args, "--url", url]);
  const [id] = await idsOf("");
  const line = await dlq("list");
  expect(line.stdout).toContain("a\\u{9b}2J\\u{202e}b");
  const json = await dlq("list", "--json");
  const whole = await dlq("show", id!);
  for (const { stdout } of [line, json, whole]) expect(stdout).not.toMatch(/[^\P{Cc}\n]|\p{Cf}/u);
  for (const { stdout } of [json, whole])
    expect(Object.keys(JSON.parse(stdout).event.measures)).toEqual([key]);
});
