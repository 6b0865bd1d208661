/** Processes that wait at their start for Kafka or ClickHouse: they say so, and stop when they are told to. */
import { once } from "node:events";
import { afterAll, afterEach, beforeAll, expect, it, vi } from "vitest";
import { patiently } from "../support/faults/load.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { gather, startProgram } from "../support/process.ts";

let installation: Installation;
beforeAll(async () => {
  installation = await startInstallation();
});
afterEach(() => {
  installation.kafka.resume();
  installation.clickhouse.resume();
});
afterAll(() => installation?.close());

const noKafka = { WEIR_LOG: "kafka://127.0.0.1:1/weir" };
const noClickhouse = {
  WEIR_STORE: "clickhouse://weir@127.0.0.1:1/weir",
  WEIR_CLICKHOUSE_PASSWORD: "hunter2",
};
const refused = "connect ECONNREFUSED 127.0.0.1:1";

interface Case {
  readonly roles: string;
  readonly signal: NodeJS.Signals;
  readonly env?: NodeJS.ProcessEnv;
  readonly stalled?: "kafka" | "clickhouse";
  readonly says: RegExp;
}
const cases: Record<string, Case> = {
  "Kafka that is away": {
    roles: "ingest",
    signal: "SIGTERM",
    env: noKafka,
    says: /waiting for Kafka at 127\.0\.0\.1:1: .*ECONNREFUSED/,
  },
  "Kafka that is silent": {
    roles: "all",
    signal: "SIGINT",
    stalled: "kafka",
    says: /waiting for Kafka at [\d.:]+: no answer yet/,
  },
  "ClickHouse that is away": {
    roles: "consumer",
    signal: "SIGTERM",
    env: noClickhouse,
    says: new RegExp(`waiting for ClickHouse at clickhouse://weir:\\*\\*\\*@127.0.0.1:1/weir: ${refused}`),
  },
  "ClickHouse that is silent": {
    roles: "analytics",
    signal: "SIGTERM",
    stalled: "clickhouse",
    says: /waiting for ClickHouse at clickhouse:\S+: no answer yet/,
  },
};

it.each(Object.entries(cases))("%s", async (_, { roles, signal, env, stalled, says }) => {
  if (stalled !== undefined) await installation[stalled].stall();
  const args = ["serve", "--listen", "127.0.0.1:0", "--roles", roles];
  const child = startProgram("bin/weir.js", args, { ...installation.env, ...env });
  const ended = once(child, "close");
  const [stdout, stderr] = [gather(child, "stdout"), gather(child, "stderr")];
  const messages = () =>
    stdout()
      .split("\n")
      .filter((line) => line !== "")
      .map((line) => JSON.parse(line).msg as string);
  try {
    await vi.waitFor(() => expect(messages()).toContainEqual(expect.stringMatching(says)), patiently);
    child.kill(signal);
    expect(await ended).toEqual([0, null]);
  } finally {
    child.kill("SIGKILL");
  }
  expect(stderr()).toBe("");
  expect(messages().slice(-2)).toEqual(["stopping: calls under way may end", "stopped"]);
  expect(messages()).not.toContain("listening");
});
