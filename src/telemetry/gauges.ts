import { stageCounters, stageGauges } from "./catalogue.ts";
import type { Metrics } from "./metrics.ts";
import type { LabelledValue } from "./observed.ts";

/** How much is taken of something of which there is only so much. */
export interface Room {
  readonly used: number;
  readonly limit: number;
  /** How often there was not enough; absent where nobody is refused. */
  readonly refused?: number;
}

/** Bytes of a disk. */
export interface Disk {
  readonly free: number;
  readonly size: number;
}

/** What the metrics of the parts read, at each scrape. What does not run in this process is left out. */
export interface ObservedParts {
  /** The log's end and what is applied to the store, by partition. */
  readonly lag?: { readonly ends: () => readonly number[]; readonly positions: () => readonly number[] };
  /** How long the oldest record not yet applied has waited. */
  readonly pendingSeconds?: () => number;
  /** How many partitions this process applies. */
  readonly partitions?: () => number;
  readonly rebalances?: () => number;
  readonly storedEvents?: () => number;
  readonly storeBytes?: () => number;
  /** Of each resource what is taken, by names of a fixed set. */
  readonly rooms: Readonly<Record<string, () => Room>>;
  /** How long each thread has been busy, in milliseconds. */
  readonly threads: Readonly<Record<string, () => number>>;
  /** The disks of embedded parts. */
  readonly disks: Readonly<Record<string, () => Disk>>;
  readonly health: () => readonly { readonly name: string; readonly status: keyof typeof healthValues }[];
  /** By the labels of weir_info. */
  readonly info: Readonly<Record<string, string>>;
}

const healthValues = { healthy: 1, degraded: 0.5, unhealthy: 0 };

/** Registers the metrics that the parts are asked for at each scrape. */
export function observeParts(metrics: Metrics, parts: ObservedParts): void {
  const { pendingSeconds, partitions, rebalances, storedEvents, storeBytes } = parts;
  if (pendingSeconds) metrics.observe(...stageGauges.lagSeconds, pendingSeconds);
  if (partitions) metrics.observe(...stageGauges.partitions, partitions);
  if (rebalances) metrics.observeTotal(...stageCounters.rebalances, rebalances);
  if (storedEvents) metrics.observe(...stageGauges.storedEvents, storedEvents);
  if (storeBytes) metrics.observe(...stageGauges.storeBytes, storeBytes);
  if (parts.lag) observeOffsets(metrics, parts.lag);
  observeRooms(metrics, parts.rooms);
  metrics.observeTotal(...stageCounters.threadActive, () =>
    labelled("thread", parts.threads, (activeMs) => activeMs() / 1000),
  );
  metrics.observe(...stageGauges.diskFree, () => labelled("part", parts.disks, (disk) => disk().free));
  metrics.observe(...stageGauges.diskSize, () => labelled("part", parts.disks, (disk) => disk().size));
  metrics.observe(...stageGauges.health, () =>
    parts.health().map(({ name, status }) => ({ labels: { part: name }, value: healthValues[status] })),
  );
  metrics.observe(...stageGauges.info, () => [{ labels: parts.info, value: 1 }]);
}

function observeOffsets(metrics: Metrics, { ends, positions }: NonNullable<ObservedParts["lag"]>): void {
  const byPartition = (offsets: readonly number[]) =>
    offsets.map((value, partition) => ({ labels: { partition }, value }));
  metrics.observe(...stageGauges.endOffset, () => byPartition(ends()));
  metrics.observe(...stageGauges.appliedOffset, () => byPartition(positions()));
  metrics.observe(...stageGauges.lagEvents, () => {
    const applied = positions();
    // What another process has applied may be known before the end that it stood at.
    return byPartition(ends().map((end, partition) => Math.max(0, end - (applied[partition] ?? 0))));
  });
}

function observeRooms(metrics: Metrics, rooms: ObservedParts["rooms"]): void {
  metrics.observe(...stageGauges.resourceUsed, () => labelled("resource", rooms, (room) => room().used));
  metrics.observe(...stageGauges.resourceLimit, () => labelled("resource", rooms, (room) => room().limit));
  metrics.observeTotal(...stageCounters.resourceRefused, () =>
    labelled("resource", rooms, (room) => room().refused ?? 0),
  );
}

function labelled<T>(
  label: string,
  by: Readonly<Record<string, T>>,
  read: (one: T) => number,
): LabelledValue[] {
  return Object.entries(by).map(([name, one]) => ({ labels: { [label]: name }, value: read(one) }));
}
