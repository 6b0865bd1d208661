import { type Command, exitCodes, UsageError } from "./command.ts";
import { operate, readWait, waitFlags } from "./operator.ts";
import { readSettingFlags, settingFlags } from "./setting-flags.ts";

const names = ["store", "clickhousePassword"] as const;

/** `weir migrate`: the schema of a store on ClickHouse. */
export const migrate: Command = {
  details: `Runs the steps that the schema lacks, each once, and makes the database where there is none. A server starts
only on the schema of its own version: migrate, then start the new ones. Those of the old version that run go on where
the steps only add, as all do so far; where one does more, stop those that apply events first. An embedded store is
migrated by the server that opens it.

The user's password is taken from WEIR_CLICKHOUSE_PASSWORD.

Exit code 0: the schema is up to date; 1: it is newer than this program; 2: usage; 3: ClickHouse cannot be reached or
refuses.`,
  flags: { ...settingFlags(names), ...waitFlags },
  async run(values, operands, context) {
    if (operands.length > 0) throw new UsageError("it takes no operands");
    const config = readSettingFlags(values, names, { ...context.env });
    const waitMs = readWait(values);
    return operate("migrate", context, async ({ migrateStore }) => {
      const { place, from, to } = await migrateStore(config, waitMs);
      const steps = Array.from({ length: to - from }, (_, i) => from + i + 1);
      context.stdout.write(
        steps.length === 0
          ? `${place}: the schema is up to date, version ${to}\n`
          : `${place}: ran schema step${steps.length > 1 ? "s" : ""} ${steps.join(", ")}\n`,
      );
      return exitCodes.done;
    });
  },
};
