import { Code } from "@connectrpc/connect";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { createWeirClient, errorReason } from "../../client/node/index.ts";
import { expectExact, type Served } from "../support/faults/exact.ts";
import { type FaultLoad, patiently, startFaultLoad } from "../support/faults/load.ts";
import { startWitness, type Witness } from "../support/faults/witness.ts";
import { getJson } from "../support/figures.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import type { RunningServer } from "../support/server.ts";

/** How long ClickHouse is away. */
const awaySeconds = Number(process.env.WEIR_FAULT_SECONDS ?? 3);
/** Longer than any wait for a broker's answer, of which the longest is 10 s. */
const stalledMs = 12_000;
/** Longer than an insert is waited for, which is 5 s more than the server may take. */
const stalledInsertSeconds = Math.max(8, awaySeconds);

describe("what processes rely on", () => {
  let installation: Installation;
  let processes: readonly RunningServer[];
  let served: Served;
  let consumer: string;
  let load: FaultLoad;
  let witness: Witness;

  beforeAll(async () => {
    installation = await startInstallation({ env: { WEIR_CLICKHOUSE_INSERT_TIMEOUT: "1s" } });
    const roles = ["ingest", "ingest", "analytics", "consumer"];
    processes = await Promise.all(roles.map((role) => installation.serve(role)));
    const [one, other, analytics, last] = processes.map(({ url }) => url);
    served = { ingest: [one!, other!], analytics: analytics! };
    consumer = last!;
  });
  afterAll(() => installation?.close());
  afterEach(async () => {
    installation?.kafka.resume();
    installation?.clickhouse.resume();
    await Promise.allSettled([load?.stop(), witness?.stop()]);
  });

  function start(name: string, timeoutMs?: number): void {
    load = startFaultLoad({ urls: served.ingest, name, ...(timeoutMs ? { timeoutMs } : {}) });
    witness = startWitness({ ingest: served.ingest[0], analytics: served.analytics }, name, 2000);
  }

  /** Each process says so by itself, also one that nobody asks anything meanwhile. */
  async function allReady(): Promise<void> {
    for (const { url } of processes) {
      await vi.waitFor(async () => {
        const answer = await (await fetch(`${url}/ready`)).json();
        expect(answer).toEqual({ ready: true, failing: [] });
      }, patiently);
    }
  }

  async function expectKept(): Promise<void> {
    await load.stop();
    await witness.stop();
    await expectExact(load, served);
  }

  /** Resolves once neither ingest process has had an answer from a broker for so long. */
  const withoutBroker = (ms: number) =>
    vi.waitFor(async () => {
      for (const url of served.ingest) {
        const { producer } = await getJson(url, "/stats");
        expect(producer.log.in_flight_ms).toBeGreaterThan(ms);
      }
    }, patiently);

  /** Resolves once events wait to be applied for so long. */
  const lagging = (seconds: number) =>
    vi.waitFor(async () => {
      const { lag_seconds, lag_events } = await getJson(consumer, "/v1/consumer/lag");
      expect(lag_seconds).toBeGreaterThan(seconds);
      expect(Number(lag_events)).toBeGreaterThan(0);
    }, patiently);

  /** What a question is refused with that waits for its answer as long as it takes. */
  async function refusal(): Promise<unknown> {
    const client = createWeirClient({ url: served.analytics, retry: { maxAttempts: 1 } });
    const question = { filter: 'name == "any"' };
    const error = await client.analytics.getAnalyticsSummary(question).catch((e) => e);
    await client.close();
    return [Code[error.code], errorReason(error)];
  }

  /** What callers meet whose time is up: those that no broker can be reached for, and those who cannot know it yet. */
  function expectOnlyLate(): void {
    const all = new Set(load.refused.map(({ reason, retryInfo }) => `${reason} ${retryInfo}`));
    expect(all).toContain("LOG_UNAVAILABLE true");
    all.delete("LOG_UNAVAILABLE true");
    all.delete("DEADLINE_EXCEEDED false");
    expect([...all]).toEqual([]);
  }

  it("broker killed with -9, twice: who waits too long is told to come again, and all goes on by itself", async () => {
    start("broker-killed", 2000);
    for (let kill = 0; kill < 2; kill++) {
      await load.more(200);
      await installation.kafka.kill9();
      await withoutBroker(3000);
      await installation.kafka.restart();
    }
    await load.more(200);
    await witness.more(2);
    await allReady();
    await expectKept();
    expectOnlyLate();
  });

  it("broker stalled for longer than anybody waits: the same", async () => {
    start("broker-stalled", 2000);
    await load.more(200);
    await installation.kafka.stall();
    await withoutBroker(stalledMs);
    installation.kafka.resume();
    await load.more(200);
    await witness.more(2);
    await allReady();
    await expectKept();
    expectOnlyLate();
  });

  it("ClickHouse away: events are taken all the while, questions refused at once, and all is applied afterwards", async () => {
    start("store-away");
    await witness.more(1);
    await load.more(200);
    await installation.clickhouse.kill9();
    expect(await refusal()).toEqual(["Unavailable", "STORE_UNAVAILABLE"]);
    await lagging(awaySeconds);
    await vi.waitFor(async () => {
      const { components } = await getJson(consumer, "/v1/consumer/health");
      expect(components).toContainEqual(
        expect.objectContaining({ message: expect.stringContaining("waiting for the store") }),
      );
    }, patiently);
    await load.more(200);
    await witness.stop();
    await installation.clickhouse.restart();
    await allReady();
    await load.more(200);
    await expectKept();
    expect(load.refused).toEqual([]);
  });

  it("ClickHouse stalled for longer than an insert may take: the same, also where it goes on with what was given up", async () => {
    start("store-stalled");
    await witness.more(1);
    await load.more(200);
    await installation.clickhouse.stall();
    await lagging(stalledInsertSeconds);
    await load.more(200);
    await witness.stop();
    installation.clickhouse.resume();
    await allReady();
    await load.more(200);
    await expectKept();
    expect(load.refused).toEqual([]);
  });
});
