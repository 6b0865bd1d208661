/** What it costs a call that its caller has a key: the same calls to an open server and to one that wants keys, by turns. */
import { join } from "node:path";
import { createWeirClient, type WeirClient } from "../../client/node/index.ts";
import { Durability } from "../../gen/analytics/v1/ingestion_pb.js";
import { newEvent } from "./events.ts";
import { idle, startKeyedServer } from "./keyed-server.ts";
import { quantile, row } from "./report.ts";
import { type BenchServer, startBenchServer } from "./server.ts";

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
} as const;

interface Side {
  readonly server: BenchServer;
  readonly client: WeirClient;
  /** Time of each call, in microseconds. */
  readonly times: number[];
  /** Of the server, for all calls together. */
  cpuSeconds: number;
}

/** @param rounds of each kind of call; each takes about a second */
export async function access(directory: string, rounds: number): Promise<void> {
  const open = () => startBenchServer(join(directory, `open-${number++}`));
  const keyed = await startKeyedServer(join(directory, "keyed"));
  const apiKey = await keyed.newKey();
  const side = (server: BenchServer, key?: string): Side => ({
    server,
    client: createWeirClient({ url: server.url, ...(key === undefined ? {} : { apiKey: key }) }),
    times: [],
    cpuSeconds: 0,
  });
  // The second open one tells what of a difference is chance.
  const [off, on, control] = [side(await open()), side(keyed, apiKey), side(await open())];
  const sides = [off, on, control];
  try {
    for (const [name, { calls, send }] of Object.entries(kinds)) {
      // The first rounds warm up.
      for (let round = -2; round < rounds; round++) {
        if (round === 0) for (const one of sides) Object.assign(one, { times: [], cpuSeconds: 0 });
        await play(sides, calls, send);
      }
      report(name, calls * rounds, off, on, control);
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

function report(name: string, calls: number, off: Side, on: Side, control: Side): void {
  const added = (side: Side) => median(side.times.map((time, i) => time - off.times[i]!));
  const base = median(off.times);
  const cpuUs = ({ cpuSeconds }: Side) => (cpuSeconds * 1e6) / calls;
  row(`${name}: open, us a call`, base);
  row(`${name}: with a key, us more (another open one)`, added(on), added(control));
  row(`${name}: the same in percent`, (100 * added(on)) / base, (100 * added(control)) / base);
  row(`${name}: server CPU us a call, open / key / open`, cpuUs(off), cpuUs(on), cpuUs(control));
}

function median(values: readonly number[]): number {
  return quantile(
    values.toSorted((a, b) => a - b),
    0.5,
  );
}
