/** The way into the log, and the embedded one. */
import { bytes, gib, integer, mib, setting } from "./types.ts";

export const logSettings = {
  queueEvents: setting({
    flag: "queue-events",
    type: integer(1000, 10_000_000),
    default: 100_000,
    description: "Events that may wait for the log; beyond it RESOURCE_EXHAUSTED with a retry delay.",
  }),
  queueBytes: setting({
    flag: "queue-bytes",
    type: bytes(mib, 4 * gib),
    default: 64 * mib,
    description: "Bytes of events that may wait for the log.",
  }),
  logWriteBufferBytes: setting({
    flag: "log-write-buffer",
    type: bytes(mib, gib),
    default: 16 * mib,
    description:
      "Write buffer of the embedded log; larger is faster under load, and slower to open after a crash.",
  }),
  logCacheBytes: setting({
    flag: "log-cache",
    type: bytes(mib, 16 * gib),
    default: 32 * mib,
    description: "Block cache of the embedded log, for looking up ids.",
  }),
};
