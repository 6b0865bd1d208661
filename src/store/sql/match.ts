/** Matchers of events as conditions, and what can be said of two of them without looking at events. */
import type { EventMatch } from "../questions.ts";
import type { SqlDialect } from "./dialect.ts";
import { filterSql } from "./filter.ts";
import { type Fragment, join, sql, text } from "./fragment.ts";

/** Whether the event matches, as a boolean without NULL. */
export function matchSql(engine: SqlDialect, { name, filter }: EventMatch): Fragment {
  const conditions: Fragment[] = [];
  if (name !== "") conditions.push(sql`${engine.textField("name")} = ${text(name)}`);
  if (filter !== undefined) conditions.push(sql`(${filterSql(filter, engine)})`);
  return conditions.length === 0 ? sql`1 = 1` : join(conditions, " AND ");
}

/** Whether every event that matches `part` certainly matches `whole`. */
export function surelyCovers(whole: EventMatch, part: EventMatch): boolean {
  const sameName = whole.name === "" || whole.name === part.name;
  return sameName && (whole.filter === undefined || sameFilter(whole, part));
}

/** Whether an event surely matches both or neither. */
export function surelySame(a: EventMatch, b: EventMatch): boolean {
  return a.name === b.name && sameFilter(a, b);
}

/** Whether surely no event matches both. */
export function surelyApart(a: EventMatch, b: EventMatch): boolean {
  return a.name !== "" && b.name !== "" && a.name !== b.name;
}

function sameFilter(a: EventMatch, b: EventMatch): boolean {
  return JSON.stringify(a.filter) === JSON.stringify(b.filter);
}
