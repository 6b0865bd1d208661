import { type Command, type CommandContext, exitCodes, UsageError } from "../command.ts";
import { operate, type Program, readWait, waitFlags } from "../operator.ts";
import { kafkaNames, readSettingFlags, settingFlags } from "../setting-flags.ts";
import { offsetsTable } from "./table.ts";

const names = [...kafkaNames, "kafkaGroup", "store", "clickhousePassword"] as const;

export const offsets: Command = {
  operands: "list|restore",
  details: `For a log on Kafka whose events are applied to ClickHouse; no server need run.

list prints of each partition where the log begins and ends, the offset up to which it is applied as the consumer group has
committed and as the store has noted, how many rows questions see, and the offset of the last. What the store has noted may
be a minute behind, or where the last consumer began if it was killed before it noted anything; it is never beyond what was
applied.

restore sets the group's offsets to what the store has noted, where the group has none: brokers forget those of a group that
was away for longer than their offsets.retention.minutes. What was applied beyond is applied again, and counts once. With
--all it does so where the group has an offset too, such as for a store from a backup that was made while no consumer ran,
and puts partitions that were never applied to the store to where the log begins: a new database is built from the log then.
Where the log begins behind what the store has noted, whether the records between were applied is not known any more; with
--skip-gone the store keeps the rows that it has, and goes on from where the log begins.
It refuses while the group has members: stop every process of role consumer first.

Passwords are taken from WEIR_KAFKA_PASSWORD and WEIR_CLICKHOUSE_PASSWORD.

Exit code 0: done; 1: log, group and store are such that it cannot be done; 2: usage, or the store is another group's; 3:
brokers or ClickHouse cannot be reached, or refuse.`,
  flags: {
    ...settingFlags(names),
    ...waitFlags,
    all: { type: "boolean", summary: "restore: also where the group has an offset" },
    "skip-gone": {
      type: "boolean",
      summary: "restore: go on from where the log begins, where records are gone",
    },
    json: { type: "boolean", summary: "list: print JSON" },
  },
  async run(values, [action, ...more], context) {
    const actions = { list, restore };
    const act = Object.entries(actions).find(([name]) => name === action)?.[1];
    if (act === undefined || more.length > 0) throw new UsageError("one of list and restore is needed");
    const waitMs = readWait(values);
    const config = readSettingFlags(values, names, { ...context.env });
    const how = { all: values.all === true, skipGone: values["skip-gone"] === true };
    const json = values.json === true;
    return operate("offsets", context, (program) => act({ program, config, waitMs, how, json, context }));
  },
};

interface Call {
  readonly program: Program;
  readonly config: Parameters<Program["listOffsets"]>[0];
  readonly waitMs: number;
  readonly how: Parameters<Program["restoreOffsets"]>[2];
  readonly json: boolean;
  readonly context: CommandContext;
}

async function list({ program, config, waitMs, json, context: { stdout } }: Call): Promise<number> {
  const found = await program.listOffsets(config, waitMs);
  if (json) stdout.write(`${JSON.stringify(found, undefined, 2)}\n`);
  else {
    stdout.write(`group ${found.group} has ${found.members} members\n`);
    stdout.write(`${offsetsTable(found.partitions)}\n`);
  }
  return exitCodes.done;
}

async function restore({ program, config, waitMs, how, context: { stdout } }: Call): Promise<number> {
  const restored = await program.restoreOffsets(config, waitMs, how);
  for (const { partition, offset, before } of restored) {
    const was = before === undefined ? "there was none" : `it was ${before}`;
    stdout.write(`partition ${partition}: the offset is ${offset} now, ${was}\n`);
  }
  if (restored.length === 0) stdout.write("no offset needs to be restored\n");
  return exitCodes.done;
}
