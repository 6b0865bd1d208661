import type {
  BoolExpr,
  Choice,
  CompareOp,
  Filter,
  NumberExpr,
  TextExpr,
  TimeComparison,
} from "../../filter/filter.ts";
import type { SqlDialect } from "./dialect.ts";
import { double, type Fragment, int64, join, sql, text, trusted } from "./fragment.ts";

/**
 * A filter as a condition over a row of events: a boolean without NULL, all values bound. It says the same of a row as
 * filter/evaluate.ts of the event; missing numbers are NULL on the way, and every comparison turns NULL into false.
 */
export function filterSql(filter: Filter, dialect: SqlDialect): Fragment {
  return boolSql(filter.root, dialect);
}

function boolSql(expr: BoolExpr, dialect: SqlDialect): Fragment {
  switch (expr.kind) {
    case "bool":
      return expr.value ? sql`TRUE` : sql`FALSE`;
    case "and":
    case "or":
      return junction(expr.kind, expr.args, dialect);
    case "not":
      return sql`(NOT ${boolSql(expr.arg, dialect)})`;
    case "choice":
      return choiceSql(expr, boolSql, dialect);
    case "compareBools":
      return sql`(${boolSql(expr.left, dialect)} ${sign(expr.op)} ${boolSql(expr.right, dialect)})`;
    case "compareTexts":
      return sql`(${textSql(expr.left, dialect)} ${sign(expr.op)} ${textSql(expr.right, dialect)})`;
    case "compareNumbers":
      return sql`COALESCE(${numberSql(expr.left, dialect)} ${sign(expr.op)} ${numberSql(expr.right, dialect)}, FALSE)`;
    case "compareTimes":
      return sql`(${timeSql(expr, dialect)} ${sign(expr.op)} ${int64(expr.us)})`;
    case "textIn":
      if (expr.values.length === 0) return sql`FALSE`;
      return sql`(${textSql(expr.arg, dialect)} IN (${join(expr.values.map(text), ", ")}))`;
    case "numberIn":
      if (expr.values.length === 0) return sql`FALSE`;
      return sql`COALESCE(${dialect.isOneOf(numberSql(expr.arg, dialect), expr.values)}, FALSE)`;
    case "has":
      return dialect.hasKey(expr.map, expr.key);
    case "textTest":
      return dialect[expr.test](textSql(expr.arg, dialect), textSql(expr.part, dialect));
    case "matches":
      return dialect.matches(textSql(expr.arg, dialect), expr.pattern);
  }
}

function textSql(expr: TextExpr, dialect: SqlDialect): Fragment {
  switch (expr.kind) {
    case "text":
      return sql`${text(expr.value)}`;
    case "textField":
      return dialect.textField(expr.field);
    case "property":
      return sql`COALESCE(${dialect.property(expr.key)}, '')`;
    case "choice":
      return choiceSql(expr, textSql, dialect);
  }
}

function numberSql(expr: NumberExpr, dialect: SqlDialect): Fragment {
  switch (expr.kind) {
    case "number":
      return sql`${double(expr.value)}`;
    case "measure":
      return dialect.measure(expr.key);
    case "negate":
      return sql`(- ${numberSql(expr.arg, dialect)})`;
    case "arithmetic":
      return dialect.arithmetic(expr.op, numberSql(expr.left, dialect), numberSql(expr.right, dialect));
    case "textSize":
      return dialect.textSize(textSql(expr.arg, dialect));
    case "mapSize":
      return dialect.mapSize(expr.map);
    case "choice":
      return choiceSql(expr, numberSql, dialect);
  }
}

/** Without operands "and" is true, "or" false. */
function junction(kind: "and" | "or", args: readonly BoolExpr[], dialect: SqlDialect): Fragment {
  if (args.length === 0) return kind === "and" ? sql`TRUE` : sql`FALSE`;
  return sql`(${join(
    args.map((arg) => boolSql(arg, dialect)),
    kind === "and" ? " AND " : " OR ",
  )})`;
}

function choiceSql<E>(
  { condition, whenTrue, whenFalse }: Choice<E>,
  compile: (expr: E, dialect: SqlDialect) => Fragment,
  dialect: SqlDialect,
): Fragment {
  return sql`(CASE WHEN ${boolSql(condition, dialect)} THEN ${compile(whenTrue, dialect)} ELSE ${compile(whenFalse, dialect)} END)`;
}

/** The bare column where it can be, so that the engine can leave out blocks by their least and greatest value. */
function timeSql({ field, minus }: TimeComparison, dialect: SqlDialect): Fragment {
  const column = dialect.timeField(field);
  return minus ? sql`${column} - ${dialect.timeField(minus)}` : column;
}

function sign(op: CompareOp): Fragment {
  return trusted(op === "==" ? "=" : op === "!=" ? "<>" : op);
}
