/** What `weir stats` shows of processes that have not every role. */
import { afterEach, expect, test } from "vitest";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { absentService } from "../../src/app-roles.ts";
import { weir } from "../support/process.ts";
import { startPort, type TestPort, testServices } from "./transport-support.ts";

let port: TestPort;
afterEach(() => port.transport.close(0));

const noConsumer = absentService(ConsumerService, "consumer", ["analytics"]);

test("where the consumer is elsewhere, the figures of the way in", async () => {
  const seen = { calls: [], records: [], pieces: 0, ended: 0, held: [], logged: [] };
  port = await startPort({ services: [...testServices(seen), noConsumer] });
  const { code, stdout } = await weir(["stats", "--url", port.url]);
  expect(code).toBe(0);
  expect(Object.keys(JSON.parse(stdout))).toEqual(["producer"]);
});

test("where both are elsewhere, in one line that there are none", async () => {
  const noProducer = absentService(ProducerService, "ingest", ["analytics"]);
  port = await startPort({ services: [noProducer, noConsumer] });
  expect(await weir(["stats", "--url", port.url])).toMatchObject({
    code: 3,
    stdout: "",
    stderr: `weir: ${port.url} refused: GetConsumerStats needs the role consumer, and this process has analytics: ask one that has it\n`,
  });
});
