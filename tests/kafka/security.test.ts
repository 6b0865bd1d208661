import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { KafkaConnection } from "../../src/log/kafka/client.ts";
import { LogStartError } from "../../src/log/log.ts";
import { selfSigned } from "../support/certificate.ts";
import { openKafkaLog } from "../support/kafka/log.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord, readAll } from "../support/level-log.ts";
import { visible } from "../support/log-contract/fixture.ts";

const username = "weir";
const password = "correct-horse!";
const mechanisms = ["plain", "scram-sha-256", "scram-sha-512"] as const;

describe("a log on a Kafka that asks who comes", () => {
  const folder = mkdtempSync(join(tmpdir(), "weir-kafka-keys-"));
  const { cert, key } = selfSigned();
  let broker: KafkaBroker;
  let cleartext: readonly string[];
  let encrypted: readonly string[];

  beforeAll(async () => {
    const keystore = join(folder, "keystore.pem");
    writeFileSync(keystore, Buffer.concat([key, cert]));
    const login = "org.apache.kafka.common.security";
    const properties = ["sasl", "secure"].flatMap((listener) => [
      `listener.name.${listener}.plain.sasl.jaas.config=${login}.plain.PlainLoginModule required user_${username}="${password}";`,
      `listener.name.${listener}.scram-sha-256.sasl.jaas.config=${login}.scram.ScramLoginModule required;`,
      `listener.name.${listener}.scram-sha-512.sasl.jaas.config=${login}.scram.ScramLoginModule required;`,
    ]);
    broker = await startKafka({
      listeners: ["SASL", "SECURE"],
      scram: ["SCRAM-SHA-256", "SCRAM-SHA-512"].map(
        (mechanism) => `${mechanism}=[name=${username},password=${password}]`,
      ),
      properties: [
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT,SECURE:SASL_SSL",
        "sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
        "listener.name.secure.ssl.keystore.type=PEM",
        `listener.name.secure.ssl.keystore.location=${keystore}`,
        ...properties,
      ],
    });
    cleartext = broker.listener("SASL");
    encrypted = broker.listener("SECURE");
  });
  afterAll(async () => {
    await broker.close();
    rmSync(folder, { recursive: true });
  });

  const closes: (() => Promise<void>)[] = [];
  afterEach(async () => {
    for (const close of closes.splice(0)) await close();
  });

  describe.each(mechanisms)("by %s", (mechanism) => {
    const sasl = { mechanism, username, password };

    it.each(["in cleartext", "by TLS"])("takes and gives records %s", async (way) => {
      const secure = way === "by TLS";
      const connection: KafkaConnection = secure
        ? { brokers: encrypted, sasl, tls: { ca: cert } }
        : { brokers: cleartext, sasl };
      const { log } = await openKafkaLog(connection);
      closes.push(log.close);
      await visible(log, await log.append([logRecord("a")]));
      expect(await readAll(log)).toMatchObject([{ identity: "default/alice/a" }]);
    });

    it("refuses a wrong password at once", async () => {
      const connection = { brokers: cleartext, sasl: { ...sasl, password: "wrong" } };
      const error = await openKafkaLog(connection, { topic: "any" }).catch((e: unknown) => e);
      expect(error).toBeInstanceOf(LogStartError);
      expect((error as Error).message).toMatch(/^127\.0\.0\.1:\d+ refuses: .*authentication failed/i);
    });
  });

  it("is not spoken to where its certificate is nobody's that is believed", async () => {
    const sasl = { mechanism: "plain", username, password } as const;
    const error = await openKafkaLog({ brokers: encrypted, sasl, tls: {} }, { topic: "any" }).catch(
      (e: unknown) => e,
    );
    expect(error).toBeInstanceOf(LogStartError);
    expect((error as Error).message).toMatch(/^127\.0\.0\.1:\d+ refuses: .*self-signed certificate/);
  });
});
