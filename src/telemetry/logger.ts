import { isatty } from "node:tty";
import { pino } from "pino";
import { prettyFactory } from "pino-pretty";

export type LogLevel = "debug" | "info" | "warn" | "error" | "silent";

/** Fields of a line; an error under `err` is written with its type, message, stack, code and reason. */
export type LogFields = Readonly<Record<string, unknown>>;

/** What every folder logs through. */
export interface Logger {
  debug(fields: LogFields, message: string): void;
  info(fields: LogFields, message: string): void;
  warn(fields: LogFields, message: string): void;
  error(fields: LogFields, message: string): void;
  /** A logger that adds these fields to each line. */
  child(fields: LogFields): Logger;
}

export interface RootLogger extends Logger {
  /**
   * Resolves when everything is written. Awaited last, before the process ends: where the reader takes nothing for a
   * second, what waits is given up and nothing is written any more.
   */
  flush(): Promise<void>;
}

export interface LoggerOptions {
  /** Lines below it are not written. Default info. */
  readonly level?: LogLevel;
  /** File descriptor to write to. Default 1, standard output. */
  readonly fd?: number;
  /** Coloured lines for people instead of JSON. Default: where the descriptor is a terminal. */
  readonly pretty?: boolean;
}

/** Fields that may hold a secret, at the top of a line and up to three levels below. */
const secretFields = [
  "x-api-key",
  "authorization",
  "key",
  "apiKey",
  "api_key",
  "secret",
  "token",
  "password",
  "cookie",
];

/** A reader that does not keep up costs lines, never memory without bound: what waits beyond this is dropped. */
const maxBufferedBytes = 4 * 1024 ** 2;

/** Longest wait of a flush, in milliseconds. */
const flushMs = 1000;

/** A line is one JSON object: time (ISO 8601), level, the fields, msg. */
export function createLogger({
  level = "info",
  fd = 1,
  pretty = isatty(fd),
}: LoggerOptions = {}): RootLogger {
  // With the least length of 1 each line goes out as soon as the one before it, and flush waits for what is under way;
  // with 0 it would not.
  const lines = pino.destination({ dest: fd, sync: false, minLength: 1, maxLength: maxBufferedBytes });
  const forPeople = prettyFactory({ colorize: true, translateTime: "SYS:HH:MM:ss.l" });
  let open = true;
  const destination = {
    write(line: string) {
      if (open) lines.write(pretty ? forPeople(line) : line);
    },
  };
  const root = pino(
    {
      level,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      formatters: { level: (label) => ({ level: label }) },
      redact: { paths: secretPaths(), censor: "[redacted]" },
    },
    destination,
  );
  let dropped = 0;
  lines.on("drop", () => {
    dropped++;
  });
  /** Whether the last write failed, as on a full disk. What waits is tried again with the next line. */
  let failing = false;
  const flushSync = lines.flushSync;
  lines.on("error", () => {
    failing = true;
    // As the process exits, pino would try to write what is left for ever.
    lines.flushSync = () => {};
  });
  lines.on("drain", () => {
    failing = false;
    lines.flushSync = flushSync;
    if (dropped === 0) return;
    const count = dropped;
    dropped = 0;
    root.warn({ dropped: count }, "log lines were dropped, since their reader did not keep up");
  });
  return {
    ...wrap(root),
    flush() {
      const { promise, resolve } = Promise.withResolvers<void>();
      const giveUp = () => {
        // Else what waits would be written as the process exits, which a reader that stands still can hold up for ever.
        open = false;
        lines.destroy();
        resolve();
      };
      const timer = setTimeout(giveUp, flushMs);
      // An error here is that a pipe or terminal cannot be synced, or that nobody reads any more.
      // Twice, for the line about dropped ones that the first may bring forth.
      lines.flush(() => (failing ? giveUp() : lines.flush(() => resolve())));
      return promise.finally(() => clearTimeout(timer));
    },
  };
}

function wrap(line: pino.Logger): Logger {
  return {
    debug: (fields, message) => line.debug(fields, message),
    info: (fields, message) => line.info(fields, message),
    warn: (fields, message) => line.warn(fields, message),
    error: (fields, message) => line.error(fields, message),
    child: (fields) => wrap(line.child(fields)),
  };
}

function secretPaths(): string[] {
  const depths = ["", "*", "*.*", "*.*.*"];
  return depths.flatMap((depth) =>
    secretFields.map((field) =>
      /^\w+$/.test(field) ? (depth && `${depth}.`) + field : `${depth}["${field}"]`,
    ),
  );
}
