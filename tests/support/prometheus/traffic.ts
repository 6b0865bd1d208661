/** Calls of all kinds, one round after the other until they are stopped: good ones, copies, mistakes, questions. */
import { setTimeout as delay } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import { createWeirClient, type WeirClient } from "../../../client/node/index.ts";

export interface Traffic {
  /** Resolves when the calls under way have ended. @throws the first error that was not expected */
  stop(): Promise<void>;
}

export interface TrafficOptions {
  readonly ingestUrl: string;
  /** Default: the same. */
  readonly queryUrl?: string;
  readonly apiKey?: string;
  /** A key of which of three calls at once not all are let in. */
  readonly limitedKey?: string;
}

/** So that it is not all that the machine does. */
const pauseMs = 50;
const eventsOfRound = 100;

export function startTraffic(options: TrafficOptions): Traffic {
  const { ingestUrl, queryUrl = ingestUrl, apiKey, limitedKey } = options;
  const clientOf = (url: string, key?: string) =>
    createWeirClient({ url, retry: { maxAttempts: 1 }, ...(key === undefined ? {} : { apiKey: key }) });
  const sender = clientOf(ingestUrl, apiKey);
  const asker = clientOf(queryUrl, apiKey);
  const limited = limitedKey === undefined ? undefined : clientOf(queryUrl, limitedKey);
  const stopping = new AbortController();
  let sent = 0;

  async function round(): Promise<void> {
    const fresh = Array.from({ length: eventsOfRound }, () => {
      const n = sent++;
      return { id: `e-${n}`, userId: `user-${n % 50}`, name: "tick" };
    });
    await sender.ingestion.ingestEvents({ events: [...fresh, fresh[0]!, { userId: "null" }] });
    await asker.analytics.getAnalyticsSummary({});
    await asker.analytics.listDimensions({});
    for await (const _ of asker.analytics.exportEvents({ filter: 'user_id == "nobody"' }));
    await refused(Code.InvalidArgument, asker.analytics.getAnalyticsSummary({ filter: "what" }));
    // At most two of them are let in, one of which is owed.
    if (limited) await Promise.allSettled([1, 2, 3].map(() => limited.analytics.getAnalyticsSummary({})));
  }

  async function rounds(): Promise<void> {
    while (!stopping.signal.aborted) {
      await round();
      await delay(pauseMs);
    }
  }

  const ended = Promise.all([rounds(), follow(asker, stopping.signal)]);
  // What goes wrong is told by stop().
  ended.catch(() => {});
  return {
    async stop() {
      stopping.abort();
      try {
        await ended;
      } finally {
        await Promise.all([sender, asker, limited].map((client) => client?.close()));
      }
    },
  };
}

/** A live window, until it is stopped. */
async function follow(client: WeirClient, signal: AbortSignal): Promise<void> {
  try {
    for await (const _ of client.analytics.getRealTimeAnalytics({}, { signal }));
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

async function refused(code: Code, call: Promise<unknown>): Promise<void> {
  const error = await call.then(
    () => undefined,
    (cause: unknown) => cause,
  );
  if (!(error instanceof ConnectError) || error.code !== code) throw new Error("the call was not refused");
}
