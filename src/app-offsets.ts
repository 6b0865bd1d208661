/** Part of the composition root: where log, group and store stand, shown and put right by commands, without a server. */
import { refuseOtherGroup } from "./app-clickhouse-group.ts";
import { clickhouseOf } from "./app-migrate.ts";
import { onCluster, UnreachableError, withState } from "./app-topics.ts";
import type { Config } from "./config/config.ts";
import { groupOf, type KafkaConfig, type KafkaLog } from "./config/kafka.ts";
import { readIdentity } from "./log/identity.ts";
import { countMembers, setGroupOffsets } from "./log/kafka/group-restore.ts";
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

/**
 * Sets the group's offsets to what the store has noted, of partitions of which it has none; answers of which, as they were.
 *
 * @param all of every partition that was applied
 * @throws as listOffsets; LogStartError where the group has members
 */
export async function restoreOffsets(
  config: OffsetsConfig,
  waitMs: number,
  all: boolean,
): Promise<readonly PartitionOffsets[]> {
  const store = await lookAtStore(config, waitMs);
  return onCluster(config, waitMs, async (log) => {
    const { partitions } = await compare(log, config, store, waitMs);
    const wanted = partitions.filter(
      ({ committed, noted }) => noted !== undefined && (all ? noted !== committed : committed === undefined),
    );
    if (wanted.length === 0) return [];
    const commits = wanted.map(({ partition }) => [partition, store.standpoints.get(partition)!] as const);
    await setGroupOffsets(coordinated(log, config), new Map(commits));
    return wanted;
  });
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
