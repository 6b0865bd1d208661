/** How old things may get, and how far ahead. */
import { day, duration, hour, minute, setting } from "./types.ts";

export const ageSettings = {
  retention: setting({
    flag: "retention",
    type: duration(hour, Number.POSITIVE_INFINITY),
    default: Number.POSITIVE_INFINITY,
    description: "Rows older than this, by timestamp, are removed from the store.",
  }),
  dedupWindow: setting({
    flag: "dedup-window",
    type: duration(minute, Number.POSITIVE_INFINITY),
    default: Number.POSITIVE_INFINITY,
    description: "An event's id is forgotten once its received time is older than this.",
  }),
  logRetention: setting({
    flag: "log-retention",
    type: duration(minute, Number.POSITIVE_INFINITY),
    default: 7 * day,
    description:
      "Log records that the store has applied are removed once older than this; a topic on Kafka is made with it, and loses what is older even if it is not applied.",
  }),
  maxFuture: setting({
    flag: "max-future",
    type: duration(0, 365 * day),
    default: hour,
    description: "How far in the future an event's timestamp may lie.",
  }),
};
