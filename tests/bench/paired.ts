/** The same calls to several servers by turns: what one of them adds to the first, beside what chance adds. */
import { join } from "node:path";
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
}

/** Of one kind of call to one side. */
interface Figures {
  readonly name: string;
  /** Time of each call, in microseconds. */
  readonly times: number[];
  /** Of the server, for all calls together. */
  cpuSeconds: number;
}

/** One process is faster than the next that does the same: after so many rounds others take their place. */
const roundsOfServers = 4;

export function sideOf(name: string, server: BenchServer, apiKey?: string): Side {
  const client = createWeirClient({ url: server.url, ...(apiKey === undefined ? {} : { apiKey }) });
  return { name, server, client };
}

/** Starts servers one after the other, in any order, since it shows in the figures which of them came first. */
export async function startInAnyOrder<T extends readonly unknown[]>(
  starts: {
    readonly [K in keyof T]: () => Promise<T[K]>;
  },
): Promise<T> {
  const started: unknown[] = [];
  for (const at of shuffled(starts.length)) started[at] = await starts[at]!();
  return started as unknown as T;
}

/**
 * Prints what each side adds to the first one.
 *
 * @param start starts servers on the data directories that are below the given one
 * @param rounds of each kind of call; each takes about a second
 */
export async function comparePaired(
  directory: string,
  start: (directory: string) => Promise<readonly Side[]>,
  rounds: number,
): Promise<void> {
  const figures = new Map<string, readonly Figures[]>();
  for (let done = 0; done < rounds; done += roundsOfServers) {
    const sides = await start(join(directory, String(done)));
    try {
      for (const [kind, { calls, send }] of Object.entries(kinds)) {
        const all = figures.get(kind) ?? sides.map(({ name }) => ({ name, times: [], cpuSeconds: 0 }));
        figures.set(kind, all);
        // The first rounds warm up.
        for (let round = -2; round < Math.min(roundsOfServers, rounds - done); round++) {
          await play(sides, calls, send, round < 0 ? undefined : all);
        }
      }
    } finally {
      for (const { client, server } of sides) {
        await client.close();
        await server.stop();
      }
    }
  }
  for (const [kind, all] of figures) report(kind, all);
}

/**
 * Each call goes to all servers, so that whatever else goes on meets all alike; in any order, since a server that has answered
 * goes on storing while the next one is called.
 */
async function play(
  sides: readonly Side[],
  calls: number,
  send: (client: WeirClient) => Promise<unknown>,
  figures: readonly Figures[] | undefined,
): Promise<void> {
  const before = sides.map(({ server }) => server.cpuSeconds());
  for (let i = 0; i < calls; i++) {
    for (const at of shuffled(sides.length)) {
      const started = performance.now();
      await send(sides[at]!.client);
      const took = (performance.now() - started) * 1000;
      if (figures !== undefined) figures[at]!.times.push(took);
    }
  }
  for (const [at, { client, server }] of sides.entries()) {
    await idle(client);
    if (figures !== undefined) figures[at]!.cpuSeconds += server.cpuSeconds() - before[at]!;
  }
}

function report(kind: string, [first, ...others]: readonly Figures[]): void {
  const { name, times, cpuSeconds } = first!;
  const base = median(times);
  row(`${kind}: ${name}, us a call, and of server CPU`, base, (cpuSeconds * 1e6) / times.length);
  for (const other of others) {
    const added = median(other.times.map((time, i) => time - times[i]!));
    const cpuUs = ((other.cpuSeconds - cpuSeconds) * 1e6) / times.length;
    row(
      `${kind}: ${other.name}, us more, the same in percent, us of server CPU more`,
      added,
      (100 * added) / base,
      cpuUs,
    );
  }
}

/** The numbers below `count`, in an order drawn anew (Fisher and Yates). */
function shuffled(count: number): readonly number[] {
  const numbers = Array.from({ length: count }, (_, i) => i);
  for (let last = count - 1; last > 0; last--) {
    const at = Math.floor(Math.random() * (last + 1));
    [numbers[last], numbers[at]] = [numbers[at]!, numbers[last]!];
  }
  return numbers;
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
