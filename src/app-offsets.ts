/** Part of the composition root: where log, group and store stand, shown and put right by commands, without a server. */
import { neverApplied, refuseOtherGroup } from "./app-clickhouse-group.ts";
import { clickhouseOf } from "./app-migrate.ts";
import { onCluster, UnreachableError, withState } from "./app-topics.ts";
import type { Config } from "./config/config.ts";
import { groupOf, type KafkaConfig, type KafkaLog } from "./config/kafka.ts";
import { readIdentity } from "./log/identity.ts";
import { countMembers, membersError, setGroupOffsets } from "./log/kafka/group-restore.ts";
import { reachOffsets } from "./log/kafka/membership/offsets.ts";
import { presentOffsets } from "./log/kafka/present-offsets.ts";
import { LogStartError } from "./log/log.ts";
import { lookAtClickhouse, type StoreLook } from "./store/clickhouse/look.ts";
import { StoreStartError } from "./store/store.ts";

export type OffsetsConfig = KafkaConfig & Pick<Config, "kafkaGroup" | "store" | "clickhousePassword">;

export interface PartitionOffsets {
  readonly partition: number;
  /** Of the first record that the log has, and behind the last. */
  readonly logStart: number;
  readonly logEnd: number;
  /** Of the next record to apply, as the group has committed; absent where it has committed nothing. */
  readonly committed?: number;
  /** As `committed`, as the store has noted: it may be less, never more than was applied. Absent where it was never applied. */
  readonly noted?: number;
  /** Rows that questions see, and the offset of the last of them. */
  readonly rows: number;
  readonly lastRow?: number;
}

export interface OffsetsList {
  readonly group: string;
  readonly members: number;
  readonly partitions: readonly PartitionOffsets[];
}

/**
 * @param waitMs how long to wait for brokers, and for ClickHouse
 * @throws ConfigError where the store is not on ClickHouse or is another group's, LogStartError or StoreStartError where
 * log and store cannot be used or do not belong together, UnreachableError
 */
export async function listOffsets(config: OffsetsConfig, waitMs: number): Promise<OffsetsList> {
  const store = await lookAtStore(config, waitMs);
  return onCluster(config, waitMs, (log) => compare(log, config, store, waitMs));
}

export interface RestoreOptions {
  /**
   * Of every partition that was applied, not only of those of which the group has no offset; one that the group has
   * applied to another store is put to where the log begins.
   */
  readonly all: boolean;
  /** To where the log begins, where that is behind what the store has noted. */
  readonly skipGone: boolean;
}

export interface RestoredOffset {
  readonly partition: number;
  readonly offset: number;
  /** Absent where the group had none. */
  readonly before?: number;
}

/**
 * Sets the group's offsets to what the store has noted; answers those that were set.
 *
 * @throws as listOffsets; LogStartError where the group has members, records are gone that may not have been applied, or
 * what it has applied was to another store
 */
export async function restoreOffsets(
  config: OffsetsConfig,
  waitMs: number,
  { all, skipGone }: RestoreOptions,
): Promise<readonly RestoredOffset[]> {
  const store = await lookAtStore(config, waitMs);
  return onCluster(config, waitMs, async (log) => {
    const { group, members, partitions } = await compare(log, config, store, waitMs);
    if (members > 0) throw membersError(group);
    const fresh = partitions.filter(
      ({ committed = 0, noted, logStart }) => noted === undefined && committed > logStart,
    );
    const [other] = fresh;
    if (other !== undefined && !all) {
      throw new LogStartError(neverApplied(group, other.partition, other.committed!));
    }
    const wanted = partitions.filter(
      ({ committed, noted }) => noted !== undefined && (all ? noted !== committed : committed === undefined),
    );
    const gone = wanted.find(({ noted, logStart }) => noted! < logStart);
    if (gone !== undefined && !skipGone) throw goneError(gone);
    const restored = [...wanted, ...fresh].map(({ partition, noted = 0, logStart, committed }) => ({
      partition,
      offset: Math.max(noted, logStart),
      ...(committed === undefined ? {} : { before: committed }),
    }));
    if (restored.length === 0) return [];
    const commits = restored.map(({ partition, offset }) => {
      // The next owner's epoch is above that of the store's fences, of which it has none where it was never applied.
      const epoch = store.standpoints.get(partition)?.epoch ?? 0;
      return [partition, { position: offset, epoch }] as const;
    });
    await setGroupOffsets(coordinated(log, config), new Map(commits));
    return restored;
  });
}

function goneError({ partition, noted, logStart }: PartitionOffsets): LogStartError {
  return new LogStartError(
    `partition ${partition} of the log begins at offset ${logStart}, but the store has noted only that it is applied up to ` +
      `${noted}: whether the records between were applied is not known any more. Restore the store from a backup that is ` +
      "newer, or say --skip-gone to keep the rows that it has and go on from where the log begins",
  );
}

async function lookAtStore(config: OffsetsConfig, waitMs: number): Promise<StoreLook> {
  try {
    return await lookAtClickhouse(clickhouseOf(config), waitMs);
  } catch (error) {
    // What has a cause was said by the server, or by the way there.
    if (!(error instanceof StoreStartError) || error.cause === undefined) throw error;
    throw new UnreachableError(error.message, { cause: error });
  }
}

function coordinated({ connection, topics }: KafkaLog, config: OffsetsConfig) {
  return { connection, topic: topics.events, group: groupOf(config) };
}

async function compare(
  log: KafkaLog,
  config: OffsetsConfig,
  store: StoreLook,
  waitMs: number,
): Promise<OffsetsList> {
  const { connection, topic, group } = coordinated(log, config);
  const identity = await withState(log, waitMs, (state) => readIdentity(state.get));
  if (identity === undefined) throw new LogStartError(`topic ${log.topics.state} holds no log yet`);
  const { logId, partitions: count } = identity;
  if (store.logId !== undefined && store.logId !== logId) {
    throw new LogStartError(`the store belongs to log ${store.logId}, but this is log ${logId}`);
  }
  refuseOtherGroup(store.group, group);
  const { starts, ends } = await presentOffsets(connection, topic, count);
  const every = starts.map((_, partition) => partition);
  const commits = await reachOffsets({ connection, topic, group }, every, waitMs);
  const members = await countMembers({ connection, topic, group });
  const partitions = every.map((partition) => {
    const committed = commits.get(partition)?.position;
    const noted = store.standpoints.get(partition)?.position;
    const rows = store.rows.get(partition);
    return {
      partition,
      logStart: starts[partition]!,
      logEnd: ends[partition]!,
      ...(committed === undefined ? {} : { committed }),
      ...(noted === undefined ? {} : { noted }),
      rows: rows?.count ?? 0,
      ...(rows === undefined ? {} : { lastRow: rows.last }),
    };
  });
  return { group, members, partitions };
}
