/** What is said to brokers and to ClickHouse as a password stands nowhere else, whatever goes wrong with them. */
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { type Installation, startInstallation } from "../support/installation.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";
import type { RunningServer } from "../support/server.ts";

const bootstrapKey = "bootstrap-key-of-a-distributed-one";
const secrets = {
  kafka: "password-of-the-brokers-0123",
  wrong: "wrong-password-of-nobody-0123",
  clickhouse: "password-of-the-store-0123",
  inUrl: "password-in-its-url-0123",
  bootstrapKey,
};

let installation: Installation;
/** All that was answered. */
const answers: string[] = [];

beforeAll(async () => {
  const user = `user_weir="${secrets.kafka}"`;
  installation = await startInstallation({
    kafka: {
      listeners: ["SASL"],
      properties: [
        "listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT,SASL:SASL_PLAINTEXT",
        "sasl.enabled.mechanisms=PLAIN",
        `listener.name.sasl.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required ${user};`,
      ],
    },
    env: (kafka, store) => ({
      WEIR_LOG: `kafka://${kafka.listener("SASL").join(",")}/weir`,
      WEIR_KAFKA_SASL: "plain",
      WEIR_KAFKA_USERNAME: "weir",
      WEIR_KAFKA_PASSWORD: secrets.kafka,
      WEIR_STORE: store.replace("//", "//default@"),
      WEIR_CLICKHOUSE_PASSWORD: secrets.clickhouse,
      WEIR_AUTH: "required",
      WEIR_BOOTSTRAP_KEY: bootstrapKey,
      WEIR_LOG_LEVEL: "debug",
    }),
  });
});
afterAll(() => installation?.close());

const headers = { "x-api-key": bootstrapKey, "content-type": "application/json" };

async function ask(server: RunningServer, path: string, body?: unknown): Promise<number> {
  const sent = body === undefined ? {} : { method: "POST", body: JSON.stringify(body) };
  const answer = await fetch(server.url + path, { headers, ...sent });
  answers.push(`${JSON.stringify([...answer.headers])} ${await answer.text()}`);
  return answer.status;
}

const figures = ["/health", "/ready", "/stats", "/lag", "/metrics", "/v1/admin/keys"];

function expectNoSecrets(text: string): void {
  for (const [name, secret] of Object.entries(secrets)) {
    expect(text.includes(secret), `the secret ${name}`).toBe(false);
    expect(text.includes(Buffer.from(secret).toString("base64")), `the secret ${name} in base64`).toBe(false);
    expect(text.includes(Buffer.from(`default:${secret}`).toString("base64")), name).toBe(false);
  }
}

describe("passwords", () => {
  it("that are wrong are not repeated by the start or the command that is refused for them", async () => {
    const env = { ...installation.env, WEIR_KAFKA_PASSWORD: secrets.wrong };
    const { code, line } = await refusedStart(["--listen", "127.0.0.1:0"], env);
    expect(code).toBe(1);
    expect(line).toMatch(/refuses: .*authentication failed/i);
    expectNoSecrets(line);
    const command = await weir(["topics", "list"], { env });
    expect(command.code).toBe(3);
    expectNoSecrets(command.stderr + command.stdout);
  });

  it("are in no answer and no line of the log, while broker and store are there and when they are gone", async () => {
    const inUrl = installation.env.WEIR_STORE!.replace("//default@", `//default:${secrets.inUrl}@`);
    const [all, reader] = [
      await installation.serve("all"),
      await installation.serve("analytics", { env: { WEIR_STORE: inUrl, WEIR_CLICKHOUSE_PASSWORD: "" } }),
    ];
    const key = { name: "k", scopes: ["SCOPE_INGEST", "SCOPE_QUERY"] };
    const made = await fetch(`${all.url}/v1/admin/keys`, {
      method: "POST",
      headers,
      body: JSON.stringify(key),
    });
    const { secret } = (await made.json()) as { secret: string };
    const withKey = { ...headers, "x-api-key": secret };
    const events = JSON.stringify({ events: [{ user_id: "u", name: "n" }] });
    const send = (more = {}) =>
      fetch(`${all.url}/v1/events/batch`, { method: "POST", headers: { ...withKey, ...more }, body: events });
    expect((await send()).status).toBe(200);
    for (const server of [all, reader]) for (const path of figures) await ask(server, path);

    await installation.clickhouse.kill9();
    const summary = async (server: RunningServer) => {
      const answer = await fetch(`${server.url}/v1/analytics/summary`, { headers: withKey });
      answers.push(await answer.text());
      return answer.status;
    };
    for (const server of [all, reader]) {
      await vi.waitFor(async () => expect(await summary(server)).toBe(503), { timeout: 20_000 });
      for (const path of figures) await ask(server, path);
    }
    await installation.kafka.kill9();
    answers.push(await (await send({ "connect-timeout-ms": "500" })).text());
    for (const server of [all, reader]) for (const path of figures) await ask(server, path);
    for (const server of [all, reader]) {
      await server.kill9();
      expect(server.log()).toContain('"reason":"STORE_UNAVAILABLE"');
      expectNoSecrets(server.log());
      expect(server.log()).not.toContain(secret.slice(12));
    }
    for (const answer of answers) expectNoSecrets(answer);
  });
});
