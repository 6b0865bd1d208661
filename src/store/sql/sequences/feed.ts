/**
 * Feeds of state machines: the rows that a sequence question needs, by user and time, as plain columns. Codes of names
 * and of breakdown values are their places in the order of their UTF-8 bytes.
 */
import type { EventMatch, Selection } from "../../questions.ts";
import type { SqlEngine } from "../engine.ts";
import { type Fragment, int64, join, render, type Statement, sql, trusted } from "../fragment.ts";
import { matchSql } from "../match.ts";
import { fromSelected } from "../selection.ts";

/** A column of sequence.ts's Rows; times and sessions are doubles, the others 32-bit integers. */
export type FeedColumn = "users" | "times" | "masks" | "excluded" | "values" | "sessions";

export interface Feed {
  readonly statement: Statement;
  /** What the statement's first columns are, in order. */
  readonly columns: readonly FeedColumn[];
  /**
   * Whether events of the same user and time are to come by id: then the engine's columns of ids follow, and whoever
   * reads the rows puts them in order. Sorting all rows by id in the statement costs three times as much.
   */
  readonly byId: boolean;
  /** Texts of the codes in `values`, in their order, where there are any. */
  readonly dictionary?: Statement;
}

export interface FeedOptions {
  readonly selection: Selection;
  /** Bit i of `masks` is matcher i. None: no masks. */
  readonly matches: readonly EventMatch[];
  /** Bit i of `excluded` is matcher i. None: no such column. */
  readonly excluded?: readonly EventMatch[];
  /** Text, never NULL, that `values` has the codes of. Absent: no such column. */
  readonly value?: Fragment;
  /** Whether there are codes of session ids. */
  readonly sessions?: boolean;
  /** Rows without a bit in `masks` or `excluded` are left out. */
  readonly matchedOnly: boolean;
  readonly byId: boolean;
}

export function createFeed(engine: SqlEngine, options: FeedOptions): Feed {
  const { matches, excluded = [], value, sessions, matchedOnly, byId } = options;
  const from = fromSelected(engine, options.selection);
  /** Columns of the selected rows, each under an alias, and what the feed has of them. */
  const columns: { name: FeedColumn; row: Fragment; fed: Fragment }[] = [
    { name: "users", row: sql`${engine.column("user_key")} AS u`, fed: sql`u` },
    // Cast last: a sort need not carry what it sorts by.
    { name: "times", row: sql`${engine.timeField("timestamp")} AS t`, fed: sql`CAST(t AS DOUBLE)` },
  ];
  const bitColumns: Fragment[] = [];
  const addBits = (name: FeedColumn, alias: string, of: readonly EventMatch[]) => {
    if (of.length === 0) return;
    columns.push({ name, row: sql`${bits(engine, of)} AS ${trusted(alias)}`, fed: trusted(alias) });
    bitColumns.push(sql`${trusted(alias)} <> 0`);
  };
  addBits("masks", "m", matches);
  addBits("excluded", "x", excluded);
  if (sessions) {
    const id = engine.textField("session_id");
    const code = sql`CASE WHEN ${id} = '' THEN 0 ELSE ${engine.textCode(id)} END AS s`;
    columns.push({ name: "sessions", row: code, fed: sql`s` });
  }
  const ids = byId ? engine.idColumns.map((column, i) => ({ column, alias: trusted(`id${i}`) })) : [];
  const rows = [
    ...columns.map(({ row }) => row),
    ...ids.map(({ column, alias }) => sql`${column} AS ${alias}`),
  ];
  const where = matchedOnly ? sql` WHERE ${join(bitColumns, " OR ")}` : sql``;
  const ownText = value && engine.feedText?.(trusted("v"));
  if (value) columns.push({ name: "values", row: sql`${value} AS v`, fed: ownText ?? sql`code` });
  const fed = join([...columns.map((column) => column.fed), ...ids.map(({ alias }) => alias)], ", ");
  const distinct = value && !ownText && sql`SELECT DISTINCT ${value} AS text ${from}`;
  const selected = sql`SELECT ${join(value ? [...rows, sql`${value} AS v`] : rows, ", ")} ${from}`;
  const numbered =
    distinct &&
    sql`SELECT text, CAST(row_number() OVER (ORDER BY text) - 1 AS INTEGER) AS code FROM (${distinct}) AS d`;
  const sorted = numbered
    ? sql`SELECT selected.*, code FROM (${selected}) AS selected JOIN codes ON text = v${where} ORDER BY u, t`
    : sql`SELECT * FROM (${selected}) AS selected${where} ORDER BY u, t`;
  const entry = numbered ? sql`WITH ${engine.named("codes", "small", numbered)} ` : sql``;
  // An engine that feeds texts need not keep a sort's order through what is computed behind it.
  const feed = engine.feedText
    ? sql`SELECT ${fed} FROM (${selected}) AS selected${where} ORDER BY u, t`
    : sql`${entry}SELECT ${fed} FROM (${sorted}) AS sorted`;
  const statement = (fragment: Fragment) =>
    render(fragment, (index, type) => engine.placeholder(index, type));
  return {
    statement: statement(feed),
    columns: columns.map(({ name }) => name),
    byId,
    ...(distinct ? { dictionary: statement(sql`${distinct} ORDER BY text`) } : {}),
  };
}

/** An integer whose bit i says whether the event matches matcher i. */
function bits(engine: SqlEngine, matches: readonly EventMatch[]): Fragment {
  const terms = matches.map(
    (match, i) => sql`CASE WHEN ${matchSql(engine, match)} THEN ${int64(2 ** i)} ELSE 0 END`,
  );
  return sql`CAST(${join(terms, " + ")} AS INTEGER)`;
}
