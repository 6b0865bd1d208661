/** What docs/MIGRATING.md has for the topics and for Kafka's console, on a real broker. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { repository, weir } from "../support/process.ts";

let broker: KafkaBroker;
beforeAll(async () => {
  broker = await startKafka();
});
afterAll(() => broker.close());

/** The command of an old make target, on this broker, without the words up to what is run. */
function commandOf(target: string, start: RegExp): string[] {
  const text = readFileSync(join(repository, "docs/MIGRATING.md"), "utf8");
  const row = new RegExp(`^\\| \`make ${target}\` \\|[^\`]*\`([^\`]+)\``, "m").exec(text)![1]!;
  expect(row).toMatch(start);
  return row
    .replace(start, "")
    .replace(/(localhost|kafka):9092/, broker.brokers[0]!)
    .split(" ");
}

it("makes the topics, lists them, and shows what comes", async () => {
  const npm = /^npm run weir -- /;
  const made = await weir(commandOf("create-topics", npm));
  expect(made, made.stderr).toMatchObject({ code: 0 });
  const listed = await weir(commandOf("list-topics", npm));
  expect(listed, listed.stderr).toMatchObject({ code: 0 });
  expect(listed.stdout).toContain("weir.events");

  const to = ["--bootstrap-server", broker.brokers[0]!, "--topic", "weir.events"];
  await broker.tool("org.apache.kafka.tools.ConsoleProducer", to, "a line\n");
  const shown = commandOf("kafka-console", /^docker compose .*\/kafka-console-consumer\.sh /);
  const consumer = "org.apache.kafka.tools.consumer.ConsoleConsumer";
  expect(await broker.tool(consumer, [...shown, "--max-messages", "1"])).toBe("a line\n");
});
