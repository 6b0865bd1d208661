import { expect, it } from "vitest";
import { createKafkaClient } from "../../src/log/kafka/client.ts";

it.each(["[::1]:1", "127.0.0.1:1"])("a broker at %s is sought there", async (broker) => {
  const client = createKafkaClient({ brokers: [broker] }, { retries: 0 });
  try {
    // Whether nobody listens there or this machine has no such network, the line names where it was sought.
    const sought = broker.replace(/[[\]]/g, "");
    await expect(client.kafka.admin().connect()).rejects.toThrow(` ${sought}`);
  } finally {
    await client.close();
  }
});
