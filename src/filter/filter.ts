/**
 * A checked filter expression: plain data (structured-clonable), so that it can be sent to a worker, compiled to SQL
 * (store/sql/filter.ts) and evaluated in process (evaluate.ts), with the same meaning. parse.ts makes it; whoever reads
 * it may rely on types, bounds, patterns and literals having been checked. The language is told in docs/FILTERS.md.
 */
export interface Filter {
  /** The expression as it was written. */
  readonly text: string;
  readonly root: BoolExpr;
}

/** Built-in fields that hold text, as the language spells them. */
export const textFields = ["id", "user_id", "session_id", "name", "event_type", "source"] as const;
export type TextField = (typeof textFields)[number];

/** Built-in fields that hold an instant. */
export const timeFields = ["timestamp", "received_time"] as const;
export type TimeField = (typeof timeFields)[number];

/** Built-in fields that hold keys: properties have text, measures have numbers. */
export const mapFields = ["properties", "measures"] as const;
export type MapField = (typeof mapFields)[number];

export type EqualityOp = "==" | "!=";
export type CompareOp = EqualityOp | "<" | "<=" | ">" | ">=";
export type ArithmeticOp = "+" | "-" | "*" | "/";
export type TextTest = "startsWith" | "endsWith" | "contains";

/** True or false, never missing. */
export type BoolExpr =
  | { readonly kind: "bool"; readonly value: boolean }
  | { readonly kind: "and" | "or"; readonly args: readonly BoolExpr[] }
  | { readonly kind: "not"; readonly arg: BoolExpr }
  | Choice<BoolExpr>
  | {
      readonly kind: "compareBools";
      readonly op: EqualityOp;
      readonly left: BoolExpr;
      readonly right: BoolExpr;
    }
  /** By UTF-8 bytes. */
  | {
      readonly kind: "compareTexts";
      readonly op: CompareOp;
      readonly left: TextExpr;
      readonly right: TextExpr;
    }
  /** False where a side is missing, with every operator. */
  | {
      readonly kind: "compareNumbers";
      readonly op: CompareOp;
      readonly left: NumberExpr;
      readonly right: NumberExpr;
    }
  | TimeComparison
  | { readonly kind: "textIn"; readonly arg: TextExpr; readonly values: readonly string[] }
  /** False where the number is missing. */
  | { readonly kind: "numberIn"; readonly arg: NumberExpr; readonly values: readonly number[] }
  | { readonly kind: "has"; readonly map: MapField; readonly key: string }
  | { readonly kind: "textTest"; readonly test: TextTest; readonly arg: TextExpr; readonly part: TextExpr }
  /** RE2, unanchored; `.` does not match a newline. */
  | { readonly kind: "matches"; readonly arg: TextExpr; readonly pattern: string };

/** A text, never missing: a missing property is the empty text. */
export type TextExpr =
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "textField"; readonly field: TextField }
  | { readonly kind: "property"; readonly key: string }
  | Choice<TextExpr>;

/** A finite double, or missing. */
export type NumberExpr =
  | { readonly kind: "number"; readonly value: number }
  | { readonly kind: "measure"; readonly key: string }
  | { readonly kind: "negate"; readonly arg: NumberExpr }
  /** Missing where a side is, and where the result is not finite. */
  | {
      readonly kind: "arithmetic";
      readonly op: ArithmeticOp;
      readonly left: NumberExpr;
      readonly right: NumberExpr;
    }
  /** In code points. */
  | { readonly kind: "textSize"; readonly arg: TextExpr }
  /** How many keys. */
  | { readonly kind: "mapSize"; readonly map: MapField }
  | Choice<NumberExpr>;

/** `condition ? whenTrue : whenFalse` */
export interface Choice<E> {
  readonly kind: "choice";
  readonly condition: BoolExpr;
  readonly whenTrue: E;
  readonly whenFalse: E;
}

/**
 * Every comparison of timestamps or durations, brought to one form: a field, or the difference of two, compared with a
 * number of microseconds. So `timestamp("1970-01-02T00:00:00Z") <= timestamp` is timestamp >= 86.4e9, and
 * `received_time - timestamp > duration("1h")` is received_time minus timestamp > 3.6e9.
 */
export interface TimeComparison {
  readonly kind: "compareTimes";
  readonly op: CompareOp;
  readonly field: TimeField;
  readonly minus?: TimeField;
  /** Whole microseconds. */
  readonly us: number;
}
