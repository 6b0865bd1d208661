/**
 * Load through several ingest processes that goes on through faults: callers send what was not acknowledged again, or give
 * it up, and send copies of all kinds along. An event's first copy is told from the others by its timestamp.
 */
import { setTimeout as delay } from "node:timers/promises";
import { durationFromMs, timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConnectError } from "@connectrpc/connect";
import { expect, vi } from "vitest";
import { createWeirClient, errorReason, type WeirClient } from "../../../client/node/index.ts";
import { RetryInfoSchema } from "../../../gen/google/rpc/error_details_pb.js";

/** An event that was sent: its first copy. */
export interface Sent {
  readonly userId: string;
  readonly id: string;
  readonly timestampMs: number;
  acknowledged: boolean;
}

/** A call that was not acknowledged. */
export interface Refused {
  readonly reason: string | undefined;
  /** Whether the server said when to come again. */
  readonly retryInfo: boolean;
}

export interface FaultLoad {
  /** Name of its events, of none else. */
  readonly name: string;
  /** By user and id. */
  readonly sent: ReadonlyMap<string, Sent>;
  readonly acknowledged: readonly Sent[];
  readonly refused: readonly Refused[];
  /** Resolves once so many more events are acknowledged. */
  more(count: number): Promise<void>;
  /** Resolves when the calls under way have ended; what is not acknowledged by then is given up. */
  stop(): Promise<void>;
}

export interface FaultLoadOptions {
  /** Ingest processes; a copy goes to another one than the first, which would know it. */
  readonly urls: readonly [string, string];
  readonly name: string;
  /** How long the server may take to answer, in milliseconds. Default 60,000. */
  readonly timeoutMs?: number;
}

type Copy = Pick<Sent, "userId" | "id" | "timestampMs">;

const callers = 8;
const users = 40;
/** Of every so many refused calls one is not made again. */
const givenUp = 4;
/** So that this load, and what refuses it, is not all that the machine does. In milliseconds. */
const pauseMs = 10;
const firstMs = Date.UTC(2024, 2, 15);
const monthsMs = 40 * 86_400_000;

export const keyOf = ({ userId, id }: { readonly userId: string; readonly id: string }) => `${userId}/${id}`;
/** A copy in another month. */
export const copyOf = (event: Copy): Copy => ({ ...event, timestampMs: event.timestampMs - monthsMs });
export const eventOf = (name: string, { userId, id, timestampMs }: Copy) => ({
  name,
  userId,
  id,
  timestamp: timestampFromMs(timestampMs),
});

export function startFaultLoad({ urls, name, timeoutMs = 60_000 }: FaultLoadOptions): FaultLoad {
  // Callers wait longer than servers may, or they would not hear what these say.
  const clients = urls.map((url) => createWeirClient({ url, timeoutMs: 90_000, retry: { maxAttempts: 1 } }));
  const options = { timeout: durationFromMs(timeoutMs) };
  const sent = new Map<string, Sent>();
  const acknowledged: Sent[] = [];
  const refused: Refused[] = [];
  let running = true;
  let made = 0;

  function newEvent(): Copy {
    const n = made++;
    return { userId: `user-${n % users}`, id: `${name}-${n}`, timestampMs: firstMs + 1000 * n };
  }

  /** Answers whether it was acknowledged in the end. */
  async function send(client: WeirClient, copies: readonly Copy[]): Promise<boolean> {
    for (const copy of copies) {
      if (!sent.has(keyOf(copy))) sent.set(keyOf(copy), { ...copy, acknowledged: false });
    }
    const events = copies.map((copy) => eventOf(name, copy));
    do {
      try {
        const { success, acceptedCount, duplicateCount } = await client.ingestion.ingestEvents({
          events,
          options,
        });
        expect([success, acceptedCount + duplicateCount]).toEqual([true, events.length]);
        acknowledge(copies);
        return true;
      } catch (error) {
        if (!(error instanceof ConnectError)) throw error;
        refused.push({
          reason: errorReason(error),
          retryInfo: error.findDetails(RetryInfoSchema).length > 0,
        });
        if (refused.length % givenUp === 0) return false;
        await delay(pauseMs);
      }
    } while (running);
    return false;
  }

  function acknowledge(copies: readonly Copy[]): void {
    for (const copy of copies) {
      const first = sent.get(keyOf(copy))!;
      if (first.acknowledged) continue;
      first.acknowledged = true;
      acknowledged.push(first);
    }
  }

  type Way = (event: Copy, one: WeirClient, other: WeirClient) => Promise<unknown>;
  const ways: readonly Way[] = [
    (event, one) => send(one, [event]),
    (event, one) => send(one, [event, ...Array.from({ length: 19 }, newEvent)]),
    (event, one) => send(one, [event, copyOf(event)]),
    (event, ...both) => Promise.all(both.map((client) => send(client, [event]))),
    async (event, one, other) => (await send(one, [event])) && send(other, [copyOf(event)]),
    (event, one) => send(one, [event, { ...event, userId: `${event.userId}-too` }]),
    // One from long ago, before the last fault or the one before it.
    async (event, one, other) => {
      await send(one, [event]);
      const old = acknowledged[Math.floor(acknowledged.length / 2)];
      if (old !== undefined) await send(other, [copyOf(old)]);
    },
  ];

  async function caller(number: number): Promise<void> {
    const [one, other] = number % 2 === 0 ? clients : clients.toReversed();
    for (let turn = number; running; turn++) {
      await ways[turn % ways.length]!(newEvent(), one!, other!);
      await delay(pauseMs);
    }
  }

  const ended = Promise.all(Array.from({ length: callers }, (_, number) => caller(number)));
  // What goes wrong is told by stop().
  ended.catch(() => {});
  return {
    name,
    sent,
    acknowledged,
    refused,
    async more(count) {
      const until = acknowledged.length + count;
      await vi.waitFor(() => expect(acknowledged.length).toBeGreaterThanOrEqual(until), patiently);
    },
    async stop() {
      running = false;
      try {
        await ended;
      } finally {
        await Promise.all(clients.map((client) => client.close()));
      }
    },
  };
}

/** How long tests wait for what comes in its own time. */
export const patiently = { timeout: 120_000, interval: 20 };
