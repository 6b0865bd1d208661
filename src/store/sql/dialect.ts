import type { MapField, TextField, TimeField } from "../../filter/filter.ts";
import type { Fragment, Param } from "./fragment.ts";

/**
 * How an engine spells what differs between engines; the rest (CASE, COALESCE, AND, IN, comparisons) is common SQL.
 * A text has no NULL; a number is a double that is finite, or NULL where it is missing.
 */
export interface SqlDialect {
  /** Parameter number `index`, from 1. */
  placeholder(index: number, type: Param["type"]): string;

  /** A built-in field of an event, as text. */
  textField(field: TextField): Fragment;
  /** A built-in field of an event, as whole microseconds since 1970 (64-bit). */
  timeField(field: TimeField): Fragment;
  /** Value of a property, NULL or the empty text where it is missing. */
  property(key: string): Fragment;
  /** Value of a measure, NULL where it is missing. */
  measure(key: string): Fragment;
  /** Whether the event has the key, as a boolean without NULL. */
  hasKey(map: MapField, key: string): Fragment;
  /** How many keys the event has, as a double. */
  mapSize(map: MapField): Fragment;

  startsWith(value: Fragment, part: Fragment): Fragment;
  endsWith(value: Fragment, part: Fragment): Fragment;
  contains(value: Fragment, part: Fragment): Fragment;
  /** RE2, unanchored, `.` does not match a newline. */
  matches(value: Fragment, pattern: string): Fragment;
  /** Length in code points, as a double. */
  textSize(value: Fragment): Fragment;

  /** IEEE 754 arithmetic of doubles; NULL where a side is NULL or the result is not finite. Spells each side once. */
  arithmetic(op: "+" | "-" | "*" | "/", left: Fragment, right: Fragment): Fragment;
  /** Whether a number equals one of these, of which there is at least one; NULL or false where it is missing. */
  isOneOf(value: Fragment, values: readonly number[]): Fragment;
}
