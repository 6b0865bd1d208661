/** What each key may do at a time. */
import { bytes, duration, gib, hour, integer, second, setting } from "./types.ts";

export const keySettings = {
  keyRequests: setting({
    flag: "key-requests",
    type: integer(0, 10_000_000),
    default: 0,
    description: "Requests a second that each key may send, where its own limit is not lower; 0: any number.",
  }),
  keyEvents: setting({
    flag: "key-events",
    type: integer(0, 100_000_000),
    default: 0,
    description: "Events a second that each key may send, where its own limit is not lower; 0: any number.",
  }),
  keyBytes: setting({
    flag: "key-bytes",
    type: bytes(0, 64 * gib),
    default: 0,
    description:
      "Bytes a second, once unpacked, of the requests by which each key sends events, where its own limit is not lower; 0: any number.",
  }),
  keyStreams: setting({
    flag: "key-streams",
    type: integer(0, 100_000),
    default: 100,
    description: "Streams of each key under way, where its own limit is not lower; 0: any number.",
  }),
  keyQueries: setting({
    flag: "key-queries",
    type: integer(0, 100_000),
    default: 50,
    description: "Questions of each key under way, where its own limit is not lower; 0: any number.",
  }),
  burstMs: setting({
    flag: "burst",
    type: duration(second, hour),
    default: second,
    description:
      "For how long what a rate allows is saved up, to be used at once; what a request costs beyond that is owed.",
  }),
};
