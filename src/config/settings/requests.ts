/** Bounds of requests and connections. */
import { bytes, day, duration, gib, hour, integer, kib, mib, minute, second, setting } from "./types.ts";

export const requestSettings = {
  maxBodyBytes: setting({
    flag: "max-body",
    type: bytes(64 * kib, 256 * mib),
    default: 8 * mib,
    description: "Largest request body, after decompression; on gRPC the largest message.",
  }),
  maxRequestMemoryBytes: setting({
    flag: "request-memory",
    type: bytes(mib, 64 * gib),
    default: 128 * mib,
    description:
      "Memory for the bodies of all requests under way, unpacked, of streams for the message at hand, half of it at most for one key; beyond it RESOURCE_EXHAUSTED.",
  }),
  maxHeaderBytes: setting({
    flag: "max-header",
    type: bytes(4 * kib, mib),
    default: 32 * kib,
    description: "Largest set of request headers.",
  }),
  maxConcurrentStreams: setting({
    flag: "max-streams",
    type: integer(1, 100_000),
    default: 1000,
    description: "Streams (calls) under way on one HTTP/2 connection.",
  }),
  maxCalls: setting({
    flag: "max-calls",
    type: integer(1, 1_000_000),
    default: 10_000,
    description:
      "Calls under way in the whole process, half of them at most (at least one) of one key; beyond it RESOURCE_EXHAUSTED.",
  }),
  maxConnections: setting({
    flag: "max-connections",
    type: integer(1, 1_000_000),
    default: 10_000,
    description: "Connections open at once; further ones are closed.",
  }),
  sniffTimeoutMs: setting({
    flag: "sniff-timeout",
    type: duration(100, minute),
    default: 10 * second,
    description: "How long a new connection may wait before its first bytes.",
  }),
  headersTimeoutMs: setting({
    flag: "headers-timeout",
    type: duration(100, 10 * minute),
    default: 20 * second,
    description: "How long the headers of an HTTP/1.1 request may take.",
  }),
  requestTimeoutMs: setting({
    flag: "request-timeout",
    type: duration(second, hour),
    default: 2 * minute,
    description:
      "How long a whole request may take to arrive; over HTTP/2 not of one that is a stream of messages.",
  }),
  defaultTimeoutMs: setting({
    flag: "default-timeout",
    type: duration(100, hour),
    default: 30 * second,
    description: "Deadline of a unary call that states none.",
  }),
  maxTimeoutMs: setting({
    flag: "max-timeout",
    type: duration(100, day),
    default: 10 * minute,
    description: "Greatest deadline of a unary call; a longer one is cut to it.",
  }),
  streamIdleMs: setting({
    flag: "stream-idle",
    type: duration(second, day),
    default: 5 * minute,
    description: "A stream on which nothing moves for this long is ended.",
  }),
};
