/** What a partition's last commit says. */
export interface Committed {
  /** Offset of the next record to apply. */
  readonly position: number;
  /** Epoch of the owner that committed; 0 where the commit says none. */
  readonly epoch: number;
}

/**
 * Where the positions of a log's partitions are committed, apart from the rows: the group's offsets of a Kafka topic,
 * with the epoch in their metadata. It decides who owns a partition.
 */
export interface Arbiter {
  /** undefined where there is no commit, or it has expired. */
  committed(partition: number): Promise<Committed | undefined>;
  /** @throws where this process no longer owns the partition (nothing is committed then), or the outcome is unknown */
  commit(partition: number, committed: Committed): Promise<void>;
}
