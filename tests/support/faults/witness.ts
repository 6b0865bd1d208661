/** Reads its own writes, again and again, through whatever happens. */
import { ConnectError } from "@connectrpc/connect";
import { expect, vi } from "vitest";
import { createWeirClient, Durability, errorReason } from "../../../client/node/index.ts";
import { patiently } from "./load.ts";

export interface Witness {
  /** Answers that it had. */
  readonly answers: number;
  /** Reasons of calls that had none. */
  readonly failures: readonly (string | undefined)[];
  /** Resolves once it has had so many more answers. */
  more(count: number): Promise<void>;
  /** @throws where an answer lacked an event that was acknowledged before, or had more than were sent */
  stop(): Promise<void>;
}

/** @param timeoutMs deadline of a call. Default 60,000 */
export function startWitness(
  urls: { readonly ingest: string; readonly analytics: string },
  name: string,
  timeoutMs = 60_000,
): Witness {
  const options = { timeoutMs, retry: { maxAttempts: 1 } };
  const ingest = createWeirClient({ url: urls.ingest, ...options });
  const analytics = createWeirClient({ url: urls.analytics, ...options });
  const failures: (string | undefined)[] = [];
  let answers = 0;
  let running = true;
  let sent = 0;
  let visible = 0;

  async function write(): Promise<string[]> {
    const isApplied = sent % 2 === 0;
    const durability = isApplied ? Durability.APPLIED : Durability.DURABLE;
    const event = { id: `${name}-${sent++}`, userId: "witness", name: `${name} witness` };
    const { visibilityToken } = await ingest.ingestion.ingestEvent({ event, options: { durability } });
    visible++;
    // What is applied is seen without its token.
    return isApplied ? [] : [visibilityToken];
  }

  async function read(minVisibility: string[]): Promise<void> {
    const least = visible;
    const filter = `name == ${JSON.stringify(`${name} witness`)}`;
    const { totalEvents } = await analytics.analytics.getAnalyticsSummary({ filter, minVisibility });
    expect(Number(totalEvents)).toBeGreaterThanOrEqual(least);
    expect(Number(totalEvents)).toBeLessThanOrEqual(sent);
    answers++;
  }

  async function run(): Promise<void> {
    while (running) {
      try {
        await read(await write());
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        failures.push(errorReason(error));
      }
    }
  }

  const ended = run();
  // What goes wrong is told by stop().
  ended.catch(() => {});
  return {
    get answers() {
      return answers;
    },
    failures,
    async more(count) {
      const until = answers + count;
      const reached = vi.waitFor(() => expect(answers).toBeGreaterThanOrEqual(until), patiently);
      await Promise.race([reached, ended.then(() => reached)]);
    },
    async stop() {
      running = false;
      try {
        await ended;
      } finally {
        await Promise.all([ingest.close(), analytics.close()]);
      }
    },
  };
}
