/** Which partitions of a log this process applies to the store. */
export interface Assignment {
  /** Those that it applies now; none while that is being settled anew. */
  partitions(): readonly number[];
  /** Calls `listener` whenever they have changed, until the returned function is called. */
  onChange(listener: () => void): () => void;
}

/** All of them, always: the log of one process. */
export function everyPartition(count: number): Assignment {
  const partitions = Array.from({ length: count }, (_, partition) => partition);
  return { partitions: () => partitions, onChange: () => () => {} };
}
