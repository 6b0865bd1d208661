import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type DeadLetter, DeadLetterSchema, type WeirClient } from "../../../client/node/index.ts";
import {
  type Command,
  type CommandContext,
  columns,
  exitCodes,
  type FlagValues,
  UsageError,
  wholeNumber,
} from "../command.ts";
import { askOnce, connectionFlags } from "../connection.ts";
import { printable, printableJson } from "../printable.ts";
import { type Changed, discardThose, replayEach, replayTogether } from "./change.ts";

export const dlq: Command = {
  operands: "list|show|replay|discard [ID...]",
  details: `Dead letters are records of the log that could not be applied. list prints them, newest first; show prints one whole, as
JSON. replay puts them on the log again: each counts once, however often it is replayed. discard removes them for ever.
replay and discard take ids, or --all for every one that list prints. A dead letter whose record cannot be decoded, or is
larger than the log takes, cannot be replayed: --all names it and replays the others, and among ids it is refused with all.
One that fails again is a new dead letter beside the old one, which the next --all replays: mend the cause first.
An event may be mended and sent again instead: with Kafka by the same id, of which it is then the first that counts; the
embedded log knows the id from when it accepted the event, answers DUPLICATE, and takes it by another.

Exit code 0: done; 1: some ids do not exist, or --all could not replay some; 2: usage; 3: the server cannot be reached or refuses.`,
  flags: {
    ...connectionFlags,
    reason: {
      type: "string",
      value: "REASON",
      summary: "list, --all: only those of this reason, such as INVALID_EVENT",
    },
    limit: { type: "string", value: "N", summary: "list: how many at most, 1 to 1000000", default: "100" },
    all: { type: "boolean", summary: "replay, discard: all that there are" },
    json: { type: "boolean", summary: "list: print JSON, one dead letter a line" },
  },
  async run(values, operands, context, given) {
    const [action, ...ids] = operands;
    checkFlags(action, values, given);
    if (action === "list" && ids.length === 0) return list(values, context);
    if (action === "show" && ids.length === 1) return show(values, ids[0]!, context);
    if (action === "replay" || action === "discard") return change(action, values, ids, context);
    throw new UsageError("one of list, show ID, replay ID... and discard ID... is needed");
  },
};

/**
 * What a flag was to leave out would be removed for ever where it was passed over.
 *
 * @throws UsageError
 */
function checkFlags(action: string | undefined, values: FlagValues, given: ReadonlySet<string>): void {
  const mustNot = (names: readonly string[], why: string) => {
    const wrong = names.find((name) => given.has(name));
    if (wrong !== undefined) throw new UsageError(`--${wrong} ${why}`);
  };
  if (action === "list") mustNot(["all"], "is for replay and discard: list prints all up to --limit");
  if (action === "show") mustNot(["reason", "limit", "all", "json"], "is not for show, which takes one ID");
  if (action === "replay" || action === "discard") {
    mustNot(["limit", "json"], `is for list, and ${action} takes none`);
    if (!given.has("all")) mustNot(["reason"], `is for list and --all: ids name what ${action} takes`);
  }
  // As a variable that is not set gives it; it would be every reason.
  if (values.reason === "") throw new UsageError("--reason must name a reason, such as INVALID_EVENT");
}

/** Ids in one request. */
const requestIds = 1000;

/** Every dead letter, newest first, page by page. */
async function* everyLetter(
  weir: WeirClient,
  values: FlagValues,
  pageSize = requestIds,
): AsyncGenerator<DeadLetter> {
  const reason = String(values.reason ?? "");
  for (let pageToken = ""; ; ) {
    const page = await weir.admin.listDeadLetters({ reason, pageToken, pageSize });
    yield* page.deadLetters;
    pageToken = page.nextPageToken;
    if (pageToken === "") return;
  }
}

function list(values: FlagValues, context: CommandContext): Promise<number> {
  const limit = wholeNumber(values, "limit", 1, 1_000_000);
  return askOnce(values, context, async (weir) => {
    const rows: [string, string][] = [];
    for await (const letter of everyLetter(weir, values, Math.min(limit, requestIds))) {
      if (rows.length === limit) break;
      rows.push(values.json === true ? [asJson(letter), ""] : asRow(letter));
    }
    const text = values.json === true ? rows.map(([line]) => line).join("\n") : columns(rows);
    if (rows.length > 0) context.stdout.write(`${text}\n`);
    return exitCodes.done;
  });
}

function asRow(letter: DeadLetter): [string, string] {
  const { deadLetterId, reason, message, createTime, replayTime } = letter;
  const made = createTime === undefined ? "" : timestampDate(createTime).toISOString();
  return [
    deadLetterId,
    [made, reason, replayTime === undefined ? "" : "(replayed)", message].filter(Boolean).join("  "),
  ];
}

function asJson(letter: DeadLetter, indent?: number): string {
  return printableJson(toJson(DeadLetterSchema, letter, { useProtoFieldName: true }), indent);
}

function show(values: FlagValues, id: string, context: CommandContext): Promise<number> {
  return askOnce(values, context, async (weir) => {
    for await (const letter of everyLetter(weir, values)) {
      if (letter.deadLetterId !== id) continue;
      context.stdout.write(`${asJson(letter, 2)}\n`);
      return exitCodes.done;
    }
    context.stderr.write(`weir dlq: there is no dead letter ${printable(id)}\n`);
    return exitCodes.notAll;
  });
}

function change(
  action: "replay" | "discard",
  values: FlagValues,
  named: readonly string[],
  context: CommandContext,
): Promise<number> {
  if (named.length > 0 === (values.all === true)) throw new UsageError(`${action} takes ids, or --all`);
  return askOnce(values, context, async (weir) => {
    const all = values.all === true;
    const ids = all ? [] : [...new Set(named)];
    if (all) for await (const { deadLetterId } of everyLetter(weir, values)) ids.push(deadLetterId);
    const result: Changed = { done: 0, missing: [], refused: [] };
    const { missing, refused } = result;
    const word = action === "replay" ? "replayed" : "discarded";
    for (let at = 0; at < ids.length; at += requestIds) {
      const some = ids.slice(at, at + requestIds);
      try {
        if (action === "discard") await discardThose(weir, some, result);
        else if (all) await replayEach(weir, some, result);
        else await replayTogether(weir, some, result);
      } catch (error) {
        if (result.done > 0) context.stderr.write(`weir dlq: ${word} ${result.done} of ${ids.length}\n`);
        throw error;
      }
    }
    const { done } = result;
    const before = ids.length - done - missing.length - refused.length;
    const rest = action === "replay" && before > 0 ? `, ${before} were replayed before` : "";
    context.stdout.write(`${word} ${done}${rest}\n`);
    for (const id of missing) context.stderr.write(`weir dlq: there is no dead letter ${printable(id)}\n`);
    for (const why of refused) context.stderr.write(`weir dlq: ${printable(why)}\n`);
    return missing.length + refused.length === 0 ? exitCodes.done : exitCodes.notAll;
  });
}
