/** The embedded store, and what is asked of either. */
import { bytes, flag, gib, integer, mib, setting } from "./types.ts";

export const storeSettings = {
  storeMemoryBytes: setting({
    flag: "store-memory",
    type: bytes(64 * mib, 1024 * gib),
    default: gib,
    description: "Memory that the embedded store may use for its tables and queries.",
  }),
  storeThreads: setting({
    flag: "store-threads",
    type: integer(1, 256),
    default: 2,
    description: "Threads of the embedded store.",
  }),
  maxQueries: setting({
    flag: "max-queries",
    type: integer(1, 64),
    default: 4,
    description:
      "Queries that run at once, all but one of them at most (at least one) of one key, besides two exports. Each holds a thread, of which UV_THREADPOOL_SIZE (16 unless set) are there.",
  }),
  maxWaitingQueries: setting({
    flag: "max-waiting-queries",
    type: integer(0, 10_000),
    default: 100,
    description: "Queries that may wait for a place; beyond it RESOURCE_EXHAUSTED.",
  }),
  queryCacheBytes: setting({
    flag: "query-cache",
    type: bytes(0, 64 * gib),
    default: 32 * mib,
    description:
      "Memory for answers that are given again while nothing has changed, a quarter of it at most for one project; 0 keeps none.",
  }),
  maxLiveStreams: setting({
    flag: "max-live-streams",
    type: integer(1, 100_000),
    default: 500,
    description:
      "Streams of GetRealTimeAnalytics, TailEvents and StreamMetrics under way, half of them at most (at least one) by one key; beyond it RESOURCE_EXHAUSTED.",
  }),
  maxExports: setting({
    flag: "max-exports",
    type: integer(1, 1000),
    default: 8,
    description:
      "Exports under way, half of them at most (at least one) by one key; beyond it RESOURCE_EXHAUSTED.",
  }),
  rebuildStore: setting({
    flag: "rebuild-store",
    type: flag,
    default: false,
    description:
      "Goes on although the log no longer has records that the store lacks: keeps what the log has.",
  }),
};
