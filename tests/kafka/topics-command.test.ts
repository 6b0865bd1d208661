/** weir topics, and weir keys create, on a real broker. */
import { randomUUID } from "node:crypto";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { identityKeys } from "../../src/log/identity.ts";
import { createTopic, withAdmin } from "../../src/log/kafka/admin.ts";
import { eventSettings } from "../../src/log/kafka/topic-check.ts";
import { growTopic } from "../support/kafka/log.ts";
import { openKafkaState } from "../support/kafka/state.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { weir } from "../support/process.ts";

let broker: KafkaBroker;
beforeAll(async () => {
  broker = await startKafka();
});
afterAll(() => broker.close());

const newPrefix = () => `t-${randomUUID()}`;
const logOf = (prefix: string) => `kafka://${broker.brokers.join(",")}/${prefix}`;
const topics = (action: string, prefix: string, ...args: string[]) =>
  weir(["topics", action, "--log", logOf(prefix), ...args]);

/** Until no broker has it any more. */
async function remove(topic: string): Promise<void> {
  await withAdmin(broker, async (admin) => {
    await admin.deleteTopics({ topics: [topic] });
    await vi.waitFor(async () => expect(await admin.listTopics()).not.toContain(topic), { timeout: 10_000 });
  });
}

/** What the small state keeps under a key. */
async function kept(prefix: string, key: string): Promise<string> {
  const state = await openKafkaState(broker, `${prefix}.state`);
  const value = await state.get(key);
  await state.close();
  return Buffer.from(value ?? []).toString();
}

describe("weir topics create", () => {
  it("makes topics, identity and token secret once, and says so", async () => {
    const prefix = newPrefix();
    const made = await topics("create", prefix, "--partitions", "3", "--log-retention", "2d");
    expect(made).toMatchObject({ code: 0, stderr: "" });
    for (const topic of ["events", "state", "dead-letters"]) {
      expect(made.stdout).toContain(`created topic ${prefix}.${topic}\n`);
    }
    expect(made.stdout).toContain(`made the token secret in topic ${prefix}.state\n`);
    const ready = /^log ([0-9a-f]{32}) with 3 partitions is ready$/m.exec(made.stdout);
    expect(await kept(prefix, identityKeys.logId)).toBe(ready?.[1]);
    expect(await kept(prefix, "secret/token")).not.toBe("");

    const again = await topics("create", prefix, "--partitions", "3");
    expect(again).toMatchObject({ code: 0, stdout: `${ready![0]}\n` });
  });

  it("takes its settings from variables too", async () => {
    const prefix = newPrefix();
    const env = { WEIR_LOG: logOf(prefix), WEIR_PARTITIONS: "2" };
    const { code, stdout } = await weir(["topics", "create"], { env });
    expect(code).toBe(0);
    expect(stdout).toMatch(/with 2 partitions is ready\n$/);
  });

  it("refuses another number of partitions, and says why", async () => {
    const prefix = newPrefix();
    await topics("create", prefix, "--partitions", "2");
    const { code, stdout, stderr } = await topics("create", prefix, "--partitions", "4");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toMatch(/^weir topics: --partitions \(WEIR_PARTITIONS\): the log was created with 2 part/);
    expect(stderr).toMatch(/a user's events would go to another partition, out of order/);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  it("does so where the default number is asked for, by flag or variable", async () => {
    const prefix = newPrefix();
    await topics("create", prefix, "--partitions", "3");
    const args = ["create", "--log", logOf(prefix)];
    const asked = [
      await topics("create", prefix, "--partitions", "8"),
      await weir(["topics", ...args], { env: { WEIR_PARTITIONS: "8" } }),
    ];
    for (const { code, stderr } of asked) {
      expect(code).toBe(2);
      expect(stderr).toContain("the log was created with 3 partitions and cannot be used with 8");
    }
    const checked = await topics("check", prefix, "--partitions", "8");
    expect(checked).toMatchObject({ code: 1, stdout: expect.stringContaining("asked for are 8\n") });
  });

  it("takes a log's own number of partitions where none is asked for", async () => {
    const prefix = newPrefix();
    const made = await topics("create", prefix, "--partitions", "3");
    const ready = made.stdout.split("\n").find((line) => line.startsWith("log "));
    const again = await topics("create", prefix);
    expect(again).toMatchObject({ code: 0, stdout: `${ready}\n`, stderr: "" });
  });

  it("makes a new log of a topic of records that was made anew or deleted, or whose state is gone, by its own number", async () => {
    const prefix = newPrefix();
    const events = `${prefix}.events`;
    const isReady = async (partitions: number) => {
      const made = await topics("create", prefix);
      expect(made).toMatchObject({ code: 0, stderr: "" });
      expect(made.stdout).toContain(` with ${partitions} partitions is ready\n`);
      expect(await topics("check", prefix)).toMatchObject({ code: 0, stdout: "" });
    };
    expect((await topics("create", prefix, "--partitions", "1")).code).toBe(0);
    await remove(events);
    await isReady(1);

    await remove(events);
    const settings = eventSettings(1, 604_800_000);
    await withAdmin(broker, (admin) =>
      createTopic(admin, { topic: events, partitions: 1, replicas: 1, settings }),
    );
    const anew = `fatal: topic ${events} was deleted and made anew: `;
    const checked = await topics("check", prefix);
    expect(checked.stdout.trimEnd()).not.toContain("\n");
    expect(checked).toMatchObject({ code: 1, stdout: expect.stringContaining(anew) });
    await isReady(1);

    await remove(`${prefix}.state`);
    const gone = `fatal: there is no topic ${prefix}.state: create the log's topics first\n`;
    expect(await topics("check", prefix)).toMatchObject({ code: 1, stdout: gone });
    const other = await topics("create", prefix, "--partitions", "2");
    expect(other).toMatchObject({ code: 2, stdout: "" });
    expect(other.stderr).toContain(`topic ${events} has 1 partitions and cannot be used with 2: say 1, or `);
    // Nothing was made on the way to the refusal.
    expect(await topics("check", prefix, "--partitions", "2")).toMatchObject({
      code: 1,
      stdout: `${gone}fatal: topic ${events} has 1 partitions, asked for are 2\n`,
    });
    await isReady(1);
  });

  it("says how many brokers there are where more replicas are asked for, and what to say", async () => {
    const prefix = newPrefix();
    const { code, stdout, stderr } = await topics("create", prefix, "--kafka-replicas", "3");
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    expect(stderr).toBe(
      "weir topics: --kafka-replicas (WEIR_KAFKA_REPLICAS): 3 replicas need 3 brokers, and there is 1: say 1 at most, " +
        "or leave it out for as many as there are, up to 3\n",
    );
    expect((await topics("create", prefix, "--kafka-replicas", "1")).code).toBe(0);
    // What is there is left as it is.
    expect((await topics("create", prefix, "--kafka-replicas", "3")).code).toBe(0);
  });
});

describe("weir topics list", () => {
  it("prints the topics with the settings that matter, and names those that are missing", async () => {
    const prefix = newPrefix();
    const none = await topics("list", prefix);
    expect(none).toMatchObject({ code: 0, stdout: "" });
    expect(none.stderr).toContain(`there is no topic ${prefix}.events: weir topics create makes it\n`);

    await topics("create", prefix, "--partitions", "3", "--log-retention", "2d");
    const { stdout } = await topics("list", prefix);
    const rows = stdout
      .trimEnd()
      .split("\n")
      .map((line) => line.split(/ {2,}/));
    expect(rows[0]!.slice(0, 5)).toEqual([
      "topic",
      "partitions",
      "replicas",
      "cleanup.policy",
      "retention.ms",
    ]);
    expect(rows).toContainEqual([`${prefix}.events`, "3", "1", "delete", "172800000", "1", "1048588"]);
    expect(rows).toContainEqual([`${prefix}.state`, "1", "1", "compact", expect.any(String), "1", "2097152"]);

    const json = JSON.parse((await topics("list", prefix, "--json")).stdout);
    expect(json).toContainEqual(
      expect.objectContaining({
        topic: `${prefix}.events`,
        settings: expect.objectContaining({ "message.timestamp.type": "LogAppendTime" }),
      }),
    );
  });
});

describe("weir topics check", () => {
  it("finds nothing wrong with what create made", async () => {
    const prefix = newPrefix();
    await topics("create", prefix);
    const checked = await topics("check", prefix);
    expect(checked).toMatchObject({ code: 0, stdout: "", stderr: "the topics are as they should be\n" });
  });

  it("tells what is missing", async () => {
    const prefix = newPrefix();
    const { code, stdout } = await topics("check", prefix);
    expect(code).toBe(1);
    expect(stdout).toContain(`fatal: there is no topic ${prefix}.events: create the log's topics first\n`);
  });

  it("warns of what keeps no server from running", async () => {
    const prefix = newPrefix();
    await topics("create", prefix);
    const { code, stdout } = await topics("check", prefix, "--log-retention", "1d");
    expect(code).toBe(0);
    expect(stdout).toContain(
      `warning: topic ${prefix}.events has retention.ms=604800000, asked for is 86400000\n`,
    );
  });

  it("tells of partitions that were added, by the number that the log was made with", async () => {
    const prefix = newPrefix();
    await topics("create", prefix, "--partitions", "2");
    await growTopic(broker, `${prefix}.events`, 4);
    const { code, stdout } = await topics("check", prefix, "--partitions", "2");
    expect(code).toBe(1);
    expect(stdout).toContain(`fatal: topic ${prefix}.events has 4 partitions, but its log has 2: `);
    const mistaken = await topics("check", prefix, "--partitions", "4");
    expect(mistaken.code).toBe(1);
    expect(mistaken.stdout).toContain(`fatal: topic ${prefix}.events has 4 partitions, but its log has 2: `);
    expect(mistaken.stdout).toContain("of a log with 2 partitions, asked for are 4\n");
  });

  it("tells of topics that hold no log", async () => {
    const prefix = newPrefix();
    await topics("create", prefix, "--partitions", "2");
    const state = await openKafkaState(broker, `${prefix}.state`);
    for (const key of Object.values(identityKeys)) await state.delete(key);
    await state.close();
    const { code, stdout } = await topics("check", prefix, "--partitions", "2");
    expect({ code, stdout }).toEqual({ code: 1, stdout: `fatal: topic ${prefix}.state holds no log yet\n` });
  });
});

describe("weir topics", () => {
  it("says in one line that no broker can be reached", async () => {
    const { code, stdout, stderr } = await weir([
      ..."topics create --timeout 1 --log kafka://127.0.0.1:1/x".split(" "),
    ]);
    expect({ code, stdout }).toEqual({ code: 3, stdout: "" });
    expect(stderr).toMatch(/^weir topics: no broker of 127\.0\.0\.1:1 could be used within 1 s: .+\n$/);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  it.each([
    [["topics"], /one of create, list and check is needed/],
    [["topics", "grow"], /one of create, list and check is needed/],
    [["topics", "list"], /--log \(WEIR_LOG\): it must name a log on Kafka/],
    [["topics", "list", "--log", "level:x"], /--log \(WEIR_LOG\): it must name a log on Kafka/],
    [["topics", "list", "--log", "kafka://a"], /--log: "a" is no broker's address/],
    [["topics", "list", "--log", "kafka://a:1", "--kafka-sasl", "plain"], /plain needs --kafka-username/],
    [["topics", "list", "--roles", "all"], /Unknown option '--roles'/],
  ])("%j is refused in one line", async (args, says) => {
    const { code, stderr } = await weir(args);
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd()).not.toContain("\n");
  });
});

describe("weir keys create", () => {
  it("keeps the key in the topic of small state", async () => {
    const prefix = newPrefix();
    const create = () =>
      weir(["keys", "create", "--project", "shop", "--scopes", "admin", "--json"], {
        env: { WEIR_LOG: logOf(prefix) },
      });
    const early = await create();
    expect(early.code).toBe(1);
    expect(early.stderr).toMatch(/there is no topic .*\.state/);

    await topics("create", prefix);
    const made = JSON.parse((await create()).stdout);
    expect(made.project_id).toBe("shop");
    expect(await kept(prefix, `keys/${made.key_id}`)).not.toBe("");
    expect(await kept(prefix, "projects/shop")).not.toBe("");
  });
});
