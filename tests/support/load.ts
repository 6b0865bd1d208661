/** Clients that send events one at a time without trying again, and remember what was acknowledged. */
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { expect, vi } from "vitest";
import { createWeirClient, errorReason, IngestResult, type WeirClient } from "../../client/node/index.ts";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { allEvents, caughtUp, summary } from "./figures.ts";

/** A call that was not acknowledged. */
export interface Refusal {
  /** As gRPC names it. */
  readonly code: string;
  /** Of the server's error; undefined where the connection broke. */
  readonly reason: string | undefined;
  /** Whether the server said when to come again. */
  readonly retryInfo: boolean;
}

export interface Load {
  /** Ids that were sent, whatever became of them. */
  readonly sent: ReadonlySet<string>;
  /** Ids of the events that the server said are durable. */
  readonly acknowledged: ReadonlySet<string>;
  readonly refusals: readonly Refusal[];
  /** Resolves once `condition` holds. */
  until(condition: () => boolean): Promise<void>;
  /** Resolves when the calls under way have ended; further ones are not made. */
  stop(): Promise<void>;
}

const waitMs = 60_000;
const users = 20;
/** Callers who were refused take a breath, else they would be all that the machine does. */
const pauseMs = 20;

const eventOf = (id: string) => ({
  id,
  userId: `user-${Number(id.split("-").at(-1)) % users}`,
  name: "tick",
});

/** @param name what the ids begin with */
export function startLoad(url: string, name: string, callers = 16): Load {
  const client = createWeirClient({ url, retry: { maxAttempts: 1 } });
  const sent = new Set<string>();
  const acknowledged = new Set<string>();
  const refusals: Refusal[] = [];
  let running = true;

  async function caller(): Promise<void> {
    while (running) {
      const id = `${name}-${sent.size}`;
      sent.add(id);
      try {
        const { result } = await client.ingestion.ingestEvent({ event: eventOf(id) });
        expect(result).toBe(IngestResult.ACCEPTED);
        acknowledged.add(id);
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        refusals.push({
          code: Code[error.code],
          reason: errorReason(error),
          retryInfo: error.findDetails(RetryInfoSchema).length > 0,
        });
        await delay(pauseMs);
      }
    }
  }

  const ended = Promise.all(Array.from({ length: callers }, caller));
  return {
    sent,
    acknowledged,
    refusals,
    until: (condition) => vi.waitFor(() => expect(condition()).toBe(true), { timeout: waitMs, interval: 5 }),
    async stop() {
      running = false;
      await ended;
      await client.close();
    },
  };
}

/**
 * Expects that everything acknowledged is in the store once, that nothing else is there but what was sent, and that the
 * server knows the ids: sent again, what was acknowledged is a duplicate, and then everything sent counts once.
 */
export async function expectKept(url: string, loads: readonly Load[]): Promise<void> {
  await caughtUp(url);
  const stored = (await allEvents(url)).map(({ id }) => id as string);
  expect(new Set(stored).size, "an event is there twice").toBe(stored.length);
  const known = new Set(stored);
  const acknowledged = loads.flatMap((load) => [...load.acknowledged]);
  expect(acknowledged.filter((id) => !known.has(id))).toEqual([]);
  const sent = new Set(loads.flatMap((load) => [...load.sent]));
  expect(stored.filter((id) => !sent.has(id))).toEqual([]);

  const client = createWeirClient({ url });
  try {
    expect(await sendAgain(client, acknowledged)).toBe(acknowledged.length);
    await sendAgain(client, [...sent]);
  } finally {
    await client.close();
  }
  await caughtUp(url);
  expect(Number((await summary(url)).total_events)).toBe(sent.size);
}

/** @returns how many were duplicates */
async function sendAgain(client: WeirClient, ids: readonly string[]): Promise<number> {
  let duplicates = 0;
  for (let at = 0; at < ids.length; at += 1000) {
    const events = ids.slice(at, at + 1000).map(eventOf);
    const { success, duplicateCount } = await client.ingestion.ingestEvents({ events });
    expect(success).toBe(true);
    duplicates += duplicateCount;
  }
  return duplicates;
}
