/** Part of the composition root: whether a store on ClickHouse is applied by the group that this process goes by. */
import { ConfigError } from "./config/config.ts";
import { nameOf, settings } from "./config/settings.ts";
import { PositionsError } from "./consumer/start-check.ts";
import type { StageHealth } from "./domain/health.ts";
import { pause } from "./domain/pause.ts";
import type { Applied } from "./log/kafka/applied.ts";
import type { ClickhouseStore } from "./store/clickhouse/options.ts";

/** Time between two looks, in milliseconds. */
const pollMs = 2000;

interface GroupOptions {
  readonly store: Pick<ClickhouseStore, "ledger">;
  readonly followed: Applied;
  readonly group: string;
  /** Of each partition the offset of the first record that the log has now. */
  readonly logStarts: () => Promise<readonly number[]>;
}

/** @throws ConfigError where another group applies the log to the store */
export function refuseOtherGroup(owner: string | undefined, group: string): void {
  if (owner === undefined || owner === group) return;
  throw new ConfigError(`${nameOf(settings.kafkaGroup)}: ${otherGroup(owner, group)}`);
}

function otherGroup(owner: string, group: string): string {
  return `the log is applied to the store by group ${owner}, not by group ${group}`;
}

/** What is wrong where a group has applied a partition, but not to the store. */
export function neverApplied(group: string, partition: number, position: number): string {
  return (
    `group ${group} has applied partition ${partition} of the log up to offset ${position}, but nothing of it to this ` +
    `store: name the database that it was applied to by ${nameOf(settings.store)}; or, to build this one from the log, ` +
    `name a new group to every process by ${nameOf(settings.kafkaGroup)}, or, where that database is gone, stop the ` +
    "processes of role consumer and run weir offsets restore --all"
  );
}

/**
 * Makes sure that a process that is to apply the log goes by the offsets that the store was built by.
 *
 * @throws ConfigError where they are of another group, PositionsError where they are gone or of another store
 */
export async function checkGroup(options: GroupOptions): Promise<void> {
  refuseOtherGroup(await options.store.ledger.group(), options.group);
  const { trouble } = await compare(options);
  if (trouble !== "") throw new PositionsError(trouble);
}

interface Comparison {
  /** Partitions that were ever applied to the store. */
  readonly applied: ReadonlySet<number>;
  /** Why the group's offsets do not tell how far the store is; empty where they do. */
  readonly trouble: string;
}

async function compare(options: GroupOptions): Promise<Comparison> {
  const { store, followed, group } = options;
  // An owner commits where it begins, leaves its trace in the store, and only then commits more. So what is committed
  // beyond the log's beginning is older than the traces that are looked for, and what is missing is younger.
  await followed.refresh();
  const before = [...followed.commits()];
  const applied: ReadonlySet<number> = new Set((await store.ledger.standpoints()).keys());
  await followed.refresh();
  const gone = followed.missing().filter((partition) => applied.has(partition));
  if (gone.length > 0) return { applied, trouble: goneOffsets(group, gone, applied.size) };
  const traceless = before.filter(([partition, { position }]) => position > 0 && !applied.has(partition));
  const starts = traceless.length === 0 ? [] : await options.logStarts();
  const other = traceless.find(([partition, { position }]) => position > (starts[partition] ?? 0));
  const trouble = other === undefined ? "" : neverApplied(group, other[0], other[1].position);
  return { applied, trouble };
}

/** Of partitions that were applied a group has no offset. */
function goneOffsets(group: string, gone: readonly number[], applied: number): string {
  const [what, holds] =
    gone.length === applied
      ? ["has applied nothing", "rows"]
      : [`has no offset of ${gone.length} partitions, such as ${gone[0]}`, "rows of them"];
  return (
    `group ${group} ${what}, but the store holds ${holds}: is ${nameOf(settings.kafkaGroup)} right? If Kafka has ` +
    "forgotten the group's offsets, stop the processes of role consumer and run weir offsets restore"
  );
}

export interface GroupWatch {
  /** Whether the group's offset of a partition tells how far the store is. */
  tells(partition: number): boolean;
  /** Calls `listener` where it tells of more partitions, until the returned function is called. */
  onMore(listener: () => void): () => void;
  /** That of the followed offsets, unless they are not those of the store. */
  health(): StageHealth;
  close(): Promise<void>;
}

/**
 * Follows whether the store is as far as its group says.
 *
 * @throws ConfigError where another group applies the log to the store
 */
export async function watchGroup(options: GroupOptions): Promise<GroupWatch> {
  const { store, followed, group } = options;
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  let applied: ReadonlySet<number> = new Set();
  let trouble = "";
  let woken = Promise.withResolvers<void>();

  async function look(): Promise<void> {
    const owner = await store.ledger.group();
    if (owner !== undefined && owner !== group) {
      trouble = `${otherGroup(owner, group)}: is ${nameOf(settings.kafkaGroup)} right?`;
      return;
    }
    const seen = await compare(options);
    const isMore = seen.trouble !== trouble || seen.applied.size > applied.size;
    ({ trouble, applied } = seen);
    if (isMore) for (const listener of listeners) listener();
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(pollMs, closing.signal, woken.promise);
      woken = Promise.withResolvers();
      // Store and log tell themselves that they cannot be asked.
      if (!closing.signal.aborted) await look().catch(() => {});
    }
  }

  refuseOtherGroup(await store.ledger.group(), group);
  await look();
  const unsubscribe = followed.onApplied(() => {
    const isNew = followed.positions().some((position, partition) => position > 0 && !applied.has(partition));
    if (isNew) woken.resolve();
  });
  const running = run();
  return {
    tells: (partition) => trouble === "" && applied.has(partition),
    onMore(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    health() {
      const health = followed.health();
      return trouble === "" ? health : { ...health, status: "unhealthy", message: trouble };
    },
    async close() {
      unsubscribe();
      closing.abort();
      await running;
    },
  };
}
