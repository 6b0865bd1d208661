/** Everything that bounds the port, with its default. */

export interface Limits {
  /** Largest request body after decompression, in bytes; on gRPC and Connect streams the largest message. */
  readonly maxBodyBytes: number;
  /** Bytes that the bodies of all requests under way may hold, unpacked; of a stream, its message at hand. Half for one caller. */
  readonly maxRequestMemoryBytes: number;
  /** Largest set of request headers, the path among them, in bytes. */
  readonly maxHeaderBytes: number;
  /** Streams (calls) under way on one HTTP/2 connection. */
  readonly maxConcurrentStreams: number;
  /** Calls under way in the whole process, half of them of one caller; beyond it RESOURCE_EXHAUSTED. */
  readonly maxCalls: number;
  /** Of calls that need no key so many unary ones and as many streams, besides maxCalls; beyond it RESOURCE_EXHAUSTED. */
  readonly maxOpenCalls: number;
  /** Largest body of such a call, or message of such a stream, in bytes, besides maxRequestMemoryBytes. */
  readonly maxOpenBodyBytes: number;
  /** Connections open at once, for each address; further ones are closed. */
  readonly maxConnections: number;
  /** How long a new connection may wait before its first bytes, in milliseconds; with TLS, before its handshake ends. */
  readonly sniffTimeoutMs: number;
  /** How long the headers of an HTTP/1.1 request may take, in milliseconds. */
  readonly headersTimeoutMs: number;
  /** How long a request may take to arrive, in milliseconds; over HTTP/2 a stream's messages may take longer. */
  readonly requestTimeoutMs: number;
  /** How long a connection may stay open without a request, in milliseconds. */
  readonly keepAliveMs: number;
  /** How long a caller of HTTP/1.1 that has ended its side is kept while nothing moves to it, in milliseconds. */
  readonly halfOpenMs: number;
  /** Deadline of a unary call that states none, in milliseconds. */
  readonly defaultTimeoutMs: number;
  /** Greatest deadline of a unary call, in milliseconds; a longer one is cut to it. */
  readonly maxTimeoutMs: number;
  /** A stream on which nothing moves for this long is ended, in milliseconds. */
  readonly streamIdleMs: number;
  /** Time between looks at whether the callers of streams are still let in, in milliseconds. */
  readonly recheckMs: number;
  /** How long the reader of a stream that was ended early may take to read so, in milliseconds; then it is cut off. */
  readonly streamCutMs: number;
  /** Bytes of one HTTP/2 stream that may be on their way unread. */
  readonly initialWindowBytes: number;
  /** Bytes of one HTTP/2 connection that may be on their way unread. */
  readonly sessionWindowBytes: number;
  /** Streams that one HTTP/2 connection may reset at once, and each second: beyond it the connection is closed. */
  readonly streamResetBurst: number;
  readonly streamResetRate: number;
  /** Of a body that nobody reads, so much is taken after the answer, so that the sender gets to read it. */
  readonly lingerBytes: number;
  /** How long that may take, in milliseconds. */
  readonly lingerMs: number;
}

const kib = 1024;
const mib = 1024 * kib;

export const defaultLimits: Limits = {
  maxBodyBytes: 8 * mib,
  maxRequestMemoryBytes: 128 * mib,
  maxHeaderBytes: 32 * kib,
  maxConcurrentStreams: 1000,
  maxCalls: 10_000,
  maxOpenCalls: 256,
  maxOpenBodyBytes: 64 * kib,
  maxConnections: 10_000,
  sniffTimeoutMs: 10_000,
  headersTimeoutMs: 20_000,
  requestTimeoutMs: 120_000,
  keepAliveMs: 75_000,
  halfOpenMs: 500,
  defaultTimeoutMs: 30_000,
  maxTimeoutMs: 600_000,
  streamIdleMs: 300_000,
  recheckMs: 250,
  streamCutMs: 5_000,
  initialWindowBytes: 1 * mib,
  sessionWindowBytes: 2 * mib,
  streamResetBurst: 1000,
  streamResetRate: 100,
  lingerBytes: 64 * mib,
  lingerMs: 10_000,
};
