/**
 * Every setting, declared once: from this list come the flags, the environment variables, `weir serve --help`, and the
 * table of docs/CONFIGURATION.md. A flag wins over its environment variable, which wins over the default.
 */
import { formatBytes, formatDuration, parseBytes, parseDuration } from "../domain/duration.ts";
import { parseOrigin } from "./origins.ts";

/** How a setting's text becomes its value. */
export interface SettingType<T> {
  /** What may be written, for people. */
  readonly form: string;
  /** @returns undefined where the text is none of that form */
  parse(text: string): T | undefined;
  format(value: T): string;
}

export interface Setting<T> {
  /** Name of the flag without its dashes; the variable is WEIR_ and this in upper case. */
  readonly flag: string;
  readonly type: SettingType<T>;
  readonly default: T;
  /** One sentence for people. */
  readonly description: string;
  /** Never shown, logged or taken as a flag. */
  readonly secret?: boolean;
}

const text: SettingType<string> = { form: "text", parse: (t) => t, format: (v) => v };

const list: SettingType<readonly string[]> = {
  form: "comma-separated list",
  parse: (t) => t.split(",").flatMap((part) => (part.trim() === "" ? [] : [part.trim()])),
  format: (v) => v.join(","),
};

const origins: SettingType<readonly string[]> = {
  form: "comma-separated list of origins such as https://app.example.com and hosts such as app.example.com:8080",
  parse: (t) => {
    const read = list.parse(t)!.map(parseOrigin);
    return read.every((origin) => origin !== undefined) ? read : undefined;
  },
  format: list.format,
};

const integer = (least: number, most: number): SettingType<number> => ({
  form: `whole number from ${least} to ${most}`,
  parse: (t) => (/^\d+$/.test(t) && Number(t) >= least && Number(t) <= most ? Number(t) : undefined),
  format: String,
});

const bytes = (least: number, most: number): SettingType<number> => ({
  form: `size such as 8MiB, from ${formatBytes(least)} to ${formatBytes(most)}`,
  parse: (t) => within(parseBytes(t), least, most),
  format: formatBytes,
});

const duration = (least: number, most: number): SettingType<number> => ({
  form: `duration such as 30s or 7d, from ${formatDuration(least)} to ${formatDuration(most)}`,
  parse: (t) => within(parseDuration(t), least, most),
  format: formatDuration,
});

const choice = <const T extends string>(...values: readonly T[]): SettingType<T> => ({
  form: values.join(" | "),
  parse: (t) => values.find((v) => v === t),
  format: (v) => v,
});

const flag: SettingType<boolean> = {
  form: "true | false",
  parse: (t) => ({ true: true, false: false })[t],
  format: String,
};

function within(value: number | undefined, least: number, most: number): number | undefined {
  return value !== undefined && value >= least && value <= most ? value : undefined;
}

const kib = 1024;
const mib = 1024 ** 2;
const gib = 1024 ** 3;
const second = 1000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;

const setting = <T>(s: Setting<T>): Setting<T> => s;

export const settings = {
  listen: setting<readonly string[]>({
    flag: "listen",
    type: list,
    default: ["127.0.0.1:8080"],
    description: "Addresses to serve on; all serve the same. Port 0 takes a free one.",
  }),
  dataDir: setting({
    flag: "data-dir",
    type: text,
    default: "./data",
    description: "Folder of the embedded log, store and state; one process at a time.",
  }),
  log: setting({
    flag: "log",
    type: text,
    default: "",
    description: "URL of the log, level:PATH; empty: level under the data directory.",
  }),
  store: setting({
    flag: "store",
    type: text,
    default: "",
    description: "URL of the store, duckdb:PATH; empty: duckdb under the data directory.",
  }),
  partitions: setting({
    flag: "partitions",
    type: integer(1, 1024),
    default: 8,
    description: "Partitions of the log, fixed when it is created.",
  }),
  auth: setting<"auto" | "required" | "open">({
    flag: "auth",
    type: choice("auto", "required", "open"),
    default: "auto",
    description:
      "Whether calls need a key: auto is open where every address is loopback, else required; open must be said to serve others openly.",
  }),
  bootstrapKey: setting({
    flag: "bootstrap-key",
    type: text,
    default: "",
    secret: true,
    description:
      "A key of your own of 24 to 512 characters with scopes admin and platform, of project default; stored hashed at start.",
  }),
  bootstrapKeyFile: setting({
    flag: "bootstrap-key-file",
    type: text,
    default: "",
    description: "File of that key, in place of WEIR_BOOTSTRAP_KEY.",
  }),
  jwtKeys: setting({
    flag: "jwt-keys",
    type: text,
    default: "",
    description:
      "URL (https) or file of the JWKS whose keys sign the tokens that are taken; empty: none are.",
  }),
  jwtIssuer: setting({
    flag: "jwt-issuer",
    type: text,
    default: "",
    description: "Issuer (claim iss) that tokens must have.",
  }),
  jwtAudience: setting<readonly string[]>({
    flag: "jwt-audience",
    type: list,
    default: [],
    description: "Audiences (claim aud), of which tokens must have one.",
  }),
  jwtSkew: setting({
    flag: "jwt-skew",
    type: duration(0, 10 * minute),
    default: 30 * second,
    description: "By how much the clock of the tokens' issuer may be off.",
  }),
  jwtProjectClaim: setting({
    flag: "jwt-project-claim",
    type: text,
    default: "project",
    description: "Claim of a token that names the project.",
  }),
  jwtScopeClaim: setting({
    flag: "jwt-scope-claim",
    type: text,
    default: "scope",
    description: "Claim of a token that lists its scopes, as text with blanks or as a list.",
  }),
  tlsCert: setting({
    flag: "tls-cert",
    type: text,
    default: "",
    description: "File of the TLS certificate chain (PEM); with it every address of --listen speaks TLS.",
  }),
  tlsKey: setting({
    flag: "tls-key",
    type: text,
    default: "",
    description: "File of the TLS private key (PEM).",
  }),
  allowedOrigins: setting<readonly string[]>({
    flag: "allowed-origins",
    type: origins,
    default: [],
    description: "Further browser origins and hosts that the server answers.",
  }),
  metricsListen: setting<readonly string[]>({
    flag: "metrics-listen",
    type: list,
    default: [],
    description:
      "Addresses that serve /metrics, /stats and /lag alone, to whoever reaches them: without a key, and in the clear.",
  }),
  tokenSecret: setting({
    flag: "token-secret",
    type: text,
    default: "",
    secret: true,
    description:
      "Secret of at least 16 characters that signs visibility and page tokens; empty: made once and kept.",
  }),
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
    description: "Log records that the store has applied are removed once older than this.",
  }),
  maxFuture: setting({
    flag: "max-future",
    type: duration(0, 365 * day),
    default: hour,
    description: "How far in the future an event's timestamp may lie.",
  }),
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
    description: "Memory for the bodies of all unary requests under way; beyond it RESOURCE_EXHAUSTED.",
  }),
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
      "Bytes a second of the requests by which each key sends events, where its own limit is not lower; 0: any number.",
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
    default: 10 * second,
    description: "For how long what a rate allows is saved up, to be used at once.",
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
    description: "Calls under way in the whole process; beyond it RESOURCE_EXHAUSTED.",
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
    description: "How long a whole HTTP/1.1 request may take to arrive.",
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
  shutdownTimeoutMs: setting({
    flag: "shutdown-timeout",
    type: duration(100, 10 * minute),
    default: 15 * second,
    description: "How long calls under way may take to end when the server stops.",
  }),
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
      "Queries that run at once, besides two exports. Each holds a thread, of which UV_THREADPOOL_SIZE (16 unless set) are there.",
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
      "Streams of GetRealTimeAnalytics, TailEvents and StreamMetrics under way; beyond it RESOURCE_EXHAUSTED.",
  }),
  maxExports: setting({
    flag: "max-exports",
    type: integer(1, 1000),
    default: 8,
    description: "Exports under way; beyond it RESOURCE_EXHAUSTED.",
  }),
  rebuildStore: setting({
    flag: "rebuild-store",
    type: flag,
    default: false,
    description:
      "Goes on although the log no longer has records that the store lacks: keeps what the log has.",
  }),
  logLevel: setting<"error" | "warn" | "info" | "debug" | "silent">({
    flag: "log-level",
    type: choice("error", "warn", "info", "debug", "silent"),
    default: "info",
    description: "Least severe log lines to write to standard output.",
  }),
};

export type Settings = typeof settings;

/** Name of a setting's environment variable. */
export function variableOf(s: Pick<Setting<never>, "flag">): string {
  return `WEIR_${s.flag.toUpperCase().replaceAll("-", "_")}`;
}

/** A setting by both its names, for who may have used either: `--data-dir (WEIR_DATA_DIR)`. */
export function nameOf(s: Pick<Setting<never>, "flag">): string {
  return `--${s.flag} (${variableOf(s)})`;
}
