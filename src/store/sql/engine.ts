import type { MapField } from "../../filter/filter.ts";
import type { SqlDialect } from "./dialect.ts";
import type { Fragment } from "./fragment.ts";
import type { SqlTexts } from "./texts.ts";

/** What questions need of an engine beyond what filters do. */
export interface SqlEngine extends SqlDialect, SqlTexts {
  /** The table of events, for FROM. */
  readonly events: Fragment;
  /** What else must hold of a row of that table for it to count; absent: nothing. */
  readonly visible?: Fragment;
  /** A column that is no field of the filter language. The user key is an integer, one for each (project, user_id). */
  column(name: "project" | "user_key" | "partition" | "offset" | "properties" | "measures"): Fragment;
  /** What stands for an event's id in a feed, of which the store's reader makes the text where it needs it. */
  readonly idColumns: readonly Fragment[];
  /** A feed's text, of which the store's reader makes a code. Absent: the statement makes the codes, and a dictionary. */
  feedText?(value: Fragment): Fragment;
  /**
   * A double that is a whole number from 1 to 2^53, the same for the same text, and a hash: of n texts two have the same
   * number with odds of n² / 2^54.
   */
  textCode(value: Fragment): Fragment;
  /** Whether the event stands before the offset of its partition, of which there is one for each. */
  isBefore(offsets: readonly number[]): Fragment;
  /** Division of integers that are not negative, cut to an integer. */
  divide(left: Fragment, right: Fragment): Fragment;
  /** 2 to the power of an integer from 0 to 60, as a 64-bit integer. */
  powerOfTwo(exponent: Fragment): Fragment;
  /** Bits that any of the 64-bit integers has. */
  anyBits(value: Fragment): Fragment;
  /** Whether the 64-bit integer has the bit, as 1 or 0. */
  bit(value: Fragment, index: number): Fragment;
  /** Exact number of different values. */
  countDistinct(value: Fragment): Fragment;
  /** Exact number of different user keys, of rows that fall into so many groups at most; NULL is passed over. */
  countUsers(userKey: Fragment, groups: number): Fragment;
  /** Whether the event is of that user, as a boolean without NULL. */
  isUser(project: string, userId: string): Fragment;
  /** Sum of doubles, better than 1e-9 relative to the sum of their amounts; NULL is passed over, 0 of none. */
  sum(value: Fragment): Fragment;
  /** Quantile of doubles, interpolated linearly at rank p·(n−1); NULL is passed over, and NULL of none. */
  quantile(value: Fragment, p: number): Fragment;
  /** Value, never NULL, of the row that is first or last by these, compared one after the other. */
  firstBy(value: Fragment, order: readonly Fragment[]): Fragment;
  lastBy(value: Fragment, order: readonly Fragment[]): Fragment;
  /** Value of the row before in the window, NULL of its first; the value is never NULL. */
  previous(value: Fragment, window: Fragment): Fragment;
  /** An entry of WITH: a small result is computed once, a large one wherever it is read. */
  named(name: string, size: "small" | "large", query: Fragment): Fragment;
  /** A query of columns `key` and `n`: the keys of the events of `from` (FROM … WHERE …), and how many have them. */
  keyCounts(map: MapField, from: Fragment): Fragment;
  /** In a select list: columns `key` and `value`, a row for each entry of the event's properties. */
  propertyRows(): Fragment;
}
