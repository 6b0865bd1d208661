import {
  type Command,
  type CommandContext,
  columns,
  commandHelp,
  exitCodes,
  readFlags,
  UsageError,
} from "./command.ts";

interface Entry {
  readonly name: string;
  /** One line, without a full stop. */
  readonly summary: string;
  /** Loaded when it is called for, so that none pays for another's start. */
  readonly load: () => Promise<Command>;
}

/** The server's flags are its settings, declared with them: they are read and listed there. */
const serve = { name: "serve", summary: "Run the server" };

const commands: readonly Entry[] = [
  {
    name: "send",
    summary: "Send events from a file or standard input, one JSON object a line, gzipped or not",
    load: async () => (await import("./send/command.ts")).send,
  },
  {
    name: "export",
    summary: "Write all events of a time range or a filter to a file, as NDJSON, CSV or Parquet",
    load: async () => (await import("./export/command.ts")).exportEvents,
  },
  {
    name: "generate-data",
    summary: "Write made-up events, one JSON object a line, for weir send",
    load: async () => (await import("./generate/command.ts")).generateData,
  },
  {
    name: "health",
    summary: "Print how each part of a server is",
    load: async () => (await import("./health.ts")).health,
  },
  {
    name: "ready",
    summary: "Ask whether a server takes requests",
    load: async () => (await import("./health.ts")).ready,
  },
  {
    name: "lag",
    summary: "Print how far the store is behind the log, as JSON",
    load: async () => (await import("./health.ts")).lag,
  },
  {
    name: "stats",
    summary: "Print the figures of the way in and of the consumer, as JSON",
    load: async () => (await import("./health.ts")).stats,
  },
  {
    name: "keys",
    summary: "Make, list and revoke the API keys of a project",
    load: async () => (await import("./keys/command.ts")).keys,
  },
  {
    name: "dlq",
    summary: "List, show, replay and discard dead letters",
    load: async () => (await import("./dlq/command.ts")).dlq,
  },
  {
    name: "topics",
    summary: "Make, list and check the topics of a log on Kafka",
    load: async () => (await import("./topics/command.ts")).topics,
  },
  {
    name: "offsets",
    summary:
      "Show up to where a log on Kafka is applied to ClickHouse, and restore a consumer group's offsets",
    load: async () => (await import("./offsets/command.ts")).offsets,
  },
  {
    name: "migrate",
    summary: "Bring the schema of a store on ClickHouse to this program's version",
    load: async () => (await import("./migrate.ts")).migrate,
  },
  {
    name: "urls",
    summary: "Print the addresses and routes of a server",
    load: async () => (await import("./urls.ts")).urls,
  },
];

const help = [
  "Usage: weir COMMAND [flags]",
  "",
  "Commands:",
  columns([serve, ...commands].map(({ name, summary }) => [name, summary])),
  "",
  "weir COMMAND --help tells more of one, weir --version which this is.",
  "",
].join("\n");

/**
 * Runs one command line.
 *
 * @param args what stands after `weir`
 * @returns the exit code
 */
export async function main(args: readonly string[], context: CommandContext = process): Promise<number> {
  const [name, ...rest] = args;
  endWithReader(context);
  if (name === undefined || name === "help" || name === "--help" || name === "-h") {
    (name === undefined ? context.stderr : context.stdout).write(help);
    return name === undefined ? exitCodes.usage : exitCodes.done;
  }
  if (name === "--version") {
    const { packageVersion } = await import("../config/version.ts");
    context.stdout.write(`weir ${packageVersion()}\n`);
    return exitCodes.done;
  }
  if (name === serve.name) {
    const server = await import("./serve.ts");
    return server.serve(rest);
  }
  const entry = commands.find((candidate) => candidate.name === name);
  if (entry === undefined) {
    context.stderr.write(`weir: there is no command "${name}"; weir --help lists them\n`);
    return exitCodes.usage;
  }
  const command = await entry.load();
  if (rest.includes("--help") || rest.includes("-h")) {
    context.stdout.write(commandHelp(name, entry.summary, command));
    return exitCodes.done;
  }
  try {
    const { values, operands, given } = readFlags(command, rest, context.env);
    return await command.run(values, operands, context, given);
  } catch (error) {
    if (!(error instanceof UsageError)) throw error;
    context.stderr.write(`weir ${name}: ${error.message}\n`);
    return exitCodes.usage;
  }
}

/** A reader who has seen enough (`weir … | head`) is no failure; a full disk is one. */
function endWithReader(context: CommandContext): void {
  context.stdout.once("error", (error: NodeJS.ErrnoException) => {
    if (error.code === "EPIPE") process.exit(exitCodes.done);
    context.stderr.write(`weir: cannot write to standard output: ${error.message}\n`);
    process.exit(exitCodes.notAll);
  });
}
