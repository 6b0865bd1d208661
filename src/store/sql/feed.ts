/**
 * Feeds of state machines: the rows that a sequence question needs, ordered by user, time and id, as plain columns, and
 * what the machine is to do with them. Codes of text values are their places in the order of their UTF-8 bytes.
 */
import type * as sequence from "../../sequence/sequence.ts";
import type {
  EventMatch,
  FunnelAnswer,
  FunnelQuestion,
  SequenceAnswer,
  SequenceQuestion,
} from "../sequences.ts";
import { dimensionText } from "./dimension.ts";
import type { SqlEngine } from "./engine.ts";
import { filterSql } from "./filter.ts";
import { type Fragment, int64, join, render, type Statement, sql, text, trusted } from "./fragment.ts";
import { type Table, texts } from "./plan.ts";
import { fromSelected } from "./selection.ts";

/** What a machine does, as plain data; codes compare as numbers. */
export interface FunnelTask {
  readonly kind: "funnel";
  readonly question: Omit<sequence.FunnelQuestion, "breakdown">;
  /** Absent: no breakdown. */
  readonly groupLimit?: number;
}

export type SequenceTask = FunnelTask;
export type SequenceResult = sequence.FunnelAnswer;

/** How a sequence question is answered. */
export interface SequencePlan<A> {
  /** Columns: user (integer), time (double), mask, excluded and value (integers), ordered by user, time and id. */
  readonly feed: Statement;
  /** Texts by code, where the question has codes. */
  readonly dictionary?: Statement;
  readonly task: SequenceTask;
  read(result: SequenceResult, dictionary: Table | undefined): A;
}

export function planSequence<Q extends SequenceQuestion>(
  engine: SqlEngine,
  question: Q,
): SequencePlan<SequenceAnswer<Q>> {
  return funnel(engine, question) as SequencePlan<SequenceAnswer<Q>>;
}

function funnel(engine: SqlEngine, question: FunnelQuestion): SequencePlan<FunnelAnswer> {
  const { selection, steps, windowUs, order, entry, exclusions, breakdown, groupLimit } = question;
  const { startUs, endUs } = selection;
  // Later steps may lie after the range's end, within the window, its last instant included.
  const { endUs: _, ...open } = selection;
  const reach = endUs === undefined ? open : { ...open, endUs: endUs + windowUs + 1 };
  const from = fromSelected(engine, reach);
  const value = breakdown && dimensionText(engine, breakdown);
  const codes = value ? sql`dense_rank() OVER (ORDER BY ${value}) - 1` : sql`0`;
  const columns = sql`
    ${engine.column("user_key")} AS u, ${engine.timeField("timestamp")} AS t, ${engine.textField("id")} AS id,
    ${bits(engine, steps)} AS m, ${bits(
      engine,
      exclusions.map(({ event }) => event),
    )} AS x, ${codes} AS v`;
  const needed = order === "strict" ? sql`` : sql` WHERE m <> 0 OR x <> 0`;
  const feed = sql`
    SELECT u, CAST(t AS DOUBLE), CAST(m AS INTEGER), CAST(x AS INTEGER), CAST(v AS INTEGER)
    FROM (SELECT ${columns} ${from}) AS e${needed} ORDER BY u, t, id`;
  const placeholder: SqlEngine["placeholder"] = (index, type) => engine.placeholder(index, type);
  return {
    feed: render(feed, placeholder),
    ...(value
      ? { dictionary: render(sql`SELECT DISTINCT ${value} AS v ${from} ORDER BY v`, placeholder) }
      : {}),
    task: {
      kind: "funnel",
      question: {
        steps: steps.length,
        windowUs,
        order,
        entry,
        exclusions: exclusions.map(({ event: _event, ...between }) => between),
        ...(startUs === undefined ? {} : { startUs }),
        ...(endUs === undefined ? {} : { endUs }),
      },
      ...(value ? { groupLimit } : {}),
    },
    read({ groups, ...rest }, dictionary) {
      const values = dictionary ? texts(dictionary, 0) : [];
      return {
        ...rest,
        groups: groups.map((group) => ({ value: values[group.code] ?? "", steps: group.steps })),
      };
    },
  };
}

/** An integer whose bit i says whether the event matches matcher i. */
function bits(engine: SqlEngine, matches: readonly EventMatch[]): Fragment {
  const terms = matches.map(
    (match, i) => sql`CASE WHEN ${condition(engine, match)} THEN ${int64(2 ** i)} ELSE 0 END`,
  );
  return terms.length === 0 ? trusted("0") : sql`(${join(terms, " + ")})`;
}

function condition(engine: SqlEngine, { name, filter }: EventMatch): Fragment {
  const conditions: Fragment[] = [];
  if (name !== "") conditions.push(sql`${engine.textField("name")} = ${text(name)}`);
  if (filter !== undefined) conditions.push(sql`(${filterSql(filter, engine)})`);
  return conditions.length === 0 ? sql`1 = 1` : join(conditions, " AND ");
}
