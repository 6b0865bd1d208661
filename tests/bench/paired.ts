/** The same calls to several servers by turns: what one of them adds to the first, beside what chance adds. */
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { newEvent } from "./events.ts";
import { idle } from "./keyed-server.ts";
import { quantile, row } from "./report.ts";
import type { BenchServer } from "./server.ts";

/** Neither waits for the disk, beside which the rest would not show. */
const options = { durability: Durability.QUEUED };
let number = 0;
const kinds = {
  "batch of 100": {
    calls: 50,
    send: ({ ingestion }: WeirClient) =>
      ingestion.ingestEvents({ events: Array.from({ length: 100 }, () => newEvent(number++)), options }),
  },
  "single event": {
    calls: 500,
    send: ({ ingestion }: WeirClient) => ingestion.ingestEvent({ event: newEvent(number++), options }),
  },
  // Nothing is kept, so that the call itself is seen.
  "single event, validate_only": {
    calls: 500,
    send: ({ ingestion }: WeirClient) =>
      ingestion.ingestEvent({ event: newEvent(number++), options: { validateOnly: true } }),
  },
} as const;

export interface Side {
  /** What it has that the first has not; of the control, which is as the first: nothing. */
  readonly name: string;
  readonly server: BenchServer;
  readonly client: WeirClient;
  /** Time of each call, in microseconds. */
  readonly times: number[];
  /** Of the server, for all calls together. */
  cpuSeconds: number;
}

export function sideOf(name: string, server: BenchServer, apiKey?: string): Side {
  const client = createWeirClient({ url: server.url, ...(apiKey === undefined ? {} : { apiKey }) });
  return { name, server, client, times: [], cpuSeconds: 0 };
}

/**
 * Prints what each side adds to the first one.
 *
 * @param rounds of each kind of call; each takes about a second
 */
export async function comparePaired(sides: readonly Side[], rounds: number): Promise<void> {
  try {
    for (const [name, { calls, send }] of Object.entries(kinds)) {
      // The first rounds warm up.
      for (let round = -2; round < rounds; round++) {
        if (round === 0) for (const one of sides) Object.assign(one, { times: [], cpuSeconds: 0 });
        await play(sides, calls, send);
      }
      report(name, calls * rounds, sides);
    }
  } finally {
    for (const { client, server } of sides) {
      await client.close();
      await server.stop();
    }
  }
}

/** Calls go to each server in turn, so that whatever else goes on meets all alike. */
async function play(
  sides: readonly Side[],
  calls: number,
  send: (client: WeirClient) => Promise<unknown>,
): Promise<void> {
  const before = sides.map(({ server }) => server.cpuSeconds());
  for (let i = 0; i < calls; i++) {
    for (let at = 0; at < sides.length; at++) {
      const { client, times } = sides[(i + at) % sides.length]!;
      const started = performance.now();
      await send(client);
      times.push((performance.now() - started) * 1000);
    }
  }
  for (const [i, side] of sides.entries()) {
    await idle(side.client);
    side.cpuSeconds += side.server.cpuSeconds() - before[i]!;
  }
}

function report(kind: string, calls: number, sides: readonly Side[]): void {
  const [first, ...others] = sides as [Side, ...Side[]];
  const base = median(first.times);
  row(`${kind}: ${first.name}, us a call, and of server CPU`, base, (first.cpuSeconds * 1e6) / calls);
  for (const { name, times, cpuSeconds } of others) {
    const added = median(times.map((time, i) => time - first.times[i]!));
    const cpuUs = ((cpuSeconds - first.cpuSeconds) * 1e6) / calls;
    row(
      `${kind}: ${name}, us more, the same in percent, us of server CPU more`,
      added,
      (100 * added) / base,
      cpuUs,
    );
  }
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
