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
  /** Writes what is buffered, at once; called last before the process ends. */
  flush(): void;
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

/** A line is one JSON object: time (ISO 8601), level, the fields, msg. */
export function createLogger({
  level = "info",
  fd = 1,
  pretty = isatty(fd),
}: LoggerOptions = {}): RootLogger {
  const lines = pino.destination({ dest: fd, sync: false, maxLength: maxBufferedBytes });
  const forPeople = prettyFactory({ colorize: true, translateTime: "SYS:HH:MM:ss.l" });
  const destination = pretty ? { write: (line: string) => void lines.write(forPeople(line)) } : lines;
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
  return { ...wrap(root), flush: () => lines.flushSync() };
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
