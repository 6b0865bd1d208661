import { settings, variableOf } from "../../config/settings.ts";
import { type Command, type CommandContext, exitCodes, UsageError } from "../command.ts";
import { operate, type Program, readWait, waitFlags } from "../operator.ts";
import { kafkaNames, readSettingFlags, settingFlags } from "../setting-flags.ts";
import { topicTable } from "./table.ts";

const names = [...kafkaNames, "partitions", "logRetention", "kafkaReplicas", "kafkaCompression"] as const;

export const topics: Command = {
  operands: "create|list|check",
  details: `create makes the topics of the log that are not there yet, and in the one of small state the log's identity and
the secret that encrypts tokens. What is there is left as it is. The number of partitions is for ever: with another one a
user's events would go to another partition, out of order with those before and unknown to what finds duplicates. A log
that is there keeps its own where no other is asked for.

list prints the topics, with the settings that matter. check prints what is wrong with them, a problem a line.

The password of --kafka-sasl is taken from WEIR_KAFKA_PASSWORD.

Exit code 0: done, or nothing that keeps servers from running; 1: a topic cannot be used as it is; 2: usage; 3: no broker
can be reached, or they refuse.`,
  flags: {
    ...settingFlags(names),
    ...waitFlags,
    json: { type: "boolean", summary: "list, check: print JSON" },
  },
  async run(values, [action, ...more], context, given) {
    const actions = { create, list, check };
    const act = Object.entries(actions).find(([name]) => name === action)?.[1];
    if (act === undefined || more.length > 0) throw new UsageError("one of create, list and check is needed");
    const waitMs = readWait(values);
    const { partitions, ...rest } = readSettingFlags(values, names, { ...context.env });
    const { flag } = settings.partitions;
    const isAsked = given.has(flag) || (context.env[variableOf(settings.partitions)] ?? "") !== "";
    const config = isAsked ? { ...rest, partitions } : rest;
    return operate("topics", context, (program) =>
      act({ program, config, waitMs, json: values.json === true, context }),
    );
  },
};

interface Call {
  readonly program: Program;
  readonly config: Parameters<Program["createLogTopics"]>[0];
  readonly waitMs: number;
  readonly json: boolean;
  readonly context: CommandContext;
}

async function create({ program, config, waitMs, context: { stdout } }: Call): Promise<number> {
  const { created, logId, partitions, state, secretMade } = await program.createLogTopics(config, waitMs);
  for (const topic of created) stdout.write(`created topic ${topic}\n`);
  if (secretMade) stdout.write(`made the token secret in topic ${state}\n`);
  stdout.write(`log ${logId} with ${partitions} partitions is ready\n`);
  return exitCodes.done;
}

async function list({ program, config, waitMs, json, context }: Call): Promise<number> {
  const { topics, missing } = await program.listLogTopics(config, waitMs);
  const rows = topics.map(({ settings, ...rest }) => ({ ...rest, settings: Object.fromEntries(settings) }));
  if (json) context.stdout.write(`${JSON.stringify(rows, undefined, 2)}\n`);
  else if (topics.length > 0) context.stdout.write(`${topicTable(topics)}\n`);
  for (const topic of missing)
    context.stderr.write(`there is no topic ${topic}: weir topics create makes it\n`);
  return exitCodes.done;
}

async function check({ program, config, waitMs, json, context }: Call): Promise<number> {
  const problems = await program.checkLogTopics(config, waitMs);
  if (json) context.stdout.write(`${JSON.stringify(problems, undefined, 2)}\n`);
  else {
    for (const { fatal, message } of problems) {
      context.stdout.write(`${fatal ? "fatal" : "warning"}: ${message}\n`);
    }
    if (problems.length === 0) context.stderr.write("the topics are as they should be\n");
  }
  return problems.some(({ fatal }) => fatal) ? exitCodes.notAll : exitCodes.done;
}
