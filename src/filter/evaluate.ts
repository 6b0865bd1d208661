import type {
  ArithmeticOp,
  BoolExpr,
  Choice,
  CompareOp,
  Filter,
  NumberExpr,
  TextExpr,
  TextField,
  TextTest,
  TimeField,
} from "./filter.ts";
import { compareUtf8, holds } from "./order.ts";
import { patternTest } from "./pattern.ts";

/** What a filter sees of a flattened event. Texts are well-formed, measures finite. */
export interface FilterEvent {
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly name: string;
  /** user, transaction, system or custom. */
  readonly eventType: string;
  readonly source: string;
  readonly timestampUs: number;
  readonly receivedUs: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly measures: Readonly<Record<string, number>>;
}

/** Compiles a filter once, to be asked of many events. The answer never throws and is the same as SQL's. */
export function compilePredicate(filter: Filter): (event: FilterEvent) => boolean {
  return compileBool(filter.root);
}

type Reader<T> = (event: FilterEvent) => T;

function compileBool(expr: BoolExpr): Reader<boolean> {
  switch (expr.kind) {
    case "bool":
      return () => expr.value;
    case "and": {
      const args = expr.args.map(compileBool);
      return (event) => args.every((arg) => arg(event));
    }
    case "or": {
      const args = expr.args.map(compileBool);
      return (event) => args.some((arg) => arg(event));
    }
    case "not": {
      const arg = compileBool(expr.arg);
      return (event) => !arg(event);
    }
    case "choice":
      return compileChoice(expr, compileBool);
    case "compareBools": {
      const left = compileBool(expr.left);
      const right = compileBool(expr.right);
      return expr.op === "=="
        ? (event) => left(event) === right(event)
        : (event) => left(event) !== right(event);
    }
    case "compareTexts":
      return compareTexts(expr.op, compileText(expr.left), compileText(expr.right));
    case "compareNumbers": {
      const { op } = expr;
      const left = compileNumber(expr.left);
      const right = compileNumber(expr.right);
      return (event) => {
        const a = left(event);
        const b = right(event);
        return a !== undefined && b !== undefined && holds(op, a, b);
      };
    }
    case "compareTimes": {
      const { op, us } = expr;
      const field = compileTime(expr.field);
      if (!expr.minus) return (event) => holds(op, field(event), us);
      const minus = compileTime(expr.minus);
      return (event) => holds(op, field(event) - minus(event), us);
    }
    case "textIn": {
      const values = new Set(expr.values);
      const arg = compileText(expr.arg);
      return (event) => values.has(arg(event));
    }
    case "numberIn": {
      // A Set takes 0 and -0 for the same, as == does.
      const values = new Set<number | undefined>(expr.values);
      const arg = compileNumber(expr.arg);
      return (event) => values.has(arg(event));
    }
    case "has": {
      const { map, key } = expr;
      return (event) => Object.hasOwn(event[map], key);
    }
    case "textTest":
      return compileTextTest(expr.test, compileText(expr.arg), compileText(expr.part));
    case "matches": {
      const arg = compileText(expr.arg);
      const test = patternTest(expr.pattern);
      return (event) => test(arg(event));
    }
  }
}

function compileText(expr: TextExpr): Reader<string> {
  switch (expr.kind) {
    case "text":
      return () => expr.value;
    case "textField":
      return compileField(expr.field);
    case "property": {
      const { key } = expr;
      return ({ properties }) => (Object.hasOwn(properties, key) ? properties[key]! : "");
    }
    case "choice":
      return compileChoice(expr, compileText);
  }
}

function compileField(field: TextField): Reader<string> {
  switch (field) {
    case "id":
      return (event) => event.id;
    case "user_id":
      return (event) => event.userId;
    case "session_id":
      return (event) => event.sessionId;
    case "name":
      return (event) => event.name;
    case "event_type":
      return (event) => event.eventType;
    case "source":
      return (event) => event.source;
  }
}

function compileTime(field: TimeField): Reader<number> {
  return field === "timestamp" ? (event) => event.timestampUs : (event) => event.receivedUs;
}

/** undefined is a missing number. */
function compileNumber(expr: NumberExpr): Reader<number | undefined> {
  switch (expr.kind) {
    case "number":
      return () => expr.value;
    case "measure": {
      const { key } = expr;
      return ({ measures }) => (Object.hasOwn(measures, key) ? measures[key] : undefined);
    }
    case "negate": {
      const arg = compileNumber(expr.arg);
      return (event) => {
        const value = arg(event);
        return value === undefined ? undefined : -value;
      };
    }
    case "arithmetic":
      return compileArithmetic(expr.op, compileNumber(expr.left), compileNumber(expr.right));
    case "textSize": {
      const arg = compileText(expr.arg);
      return (event) => codePoints(arg(event));
    }
    case "mapSize": {
      const { map } = expr;
      return (event) => Object.keys(event[map]).length;
    }
    case "choice":
      return compileChoice(expr, compileNumber);
  }
}

function compileChoice<E, T>(choice: Choice<E>, compile: (expr: E) => Reader<T>): Reader<T> {
  const condition = compileBool(choice.condition);
  const whenTrue = compile(choice.whenTrue);
  const whenFalse = compile(choice.whenFalse);
  return (event) => (condition(event) ? whenTrue(event) : whenFalse(event));
}

function compileTextTest(test: TextTest, arg: Reader<string>, part: Reader<string>): Reader<boolean> {
  switch (test) {
    case "startsWith":
      return (event) => arg(event).startsWith(part(event));
    case "endsWith":
      return (event) => arg(event).endsWith(part(event));
    case "contains":
      return (event) => arg(event).includes(part(event));
  }
}

function compareTexts(op: CompareOp, left: Reader<string>, right: Reader<string>): Reader<boolean> {
  switch (op) {
    case "==":
      return (event) => left(event) === right(event);
    case "!=":
      return (event) => left(event) !== right(event);
    default:
      return (event) => holds(op, compareUtf8(left(event), right(event)), 0);
  }
}

function compileArithmetic(
  op: ArithmeticOp,
  left: Reader<number | undefined>,
  right: Reader<number | undefined>,
): Reader<number | undefined> {
  return (event) => {
    const a = left(event);
    const b = right(event);
    if (a === undefined || b === undefined) return undefined;
    const result = calculate(op, a, b);
    return Number.isFinite(result) ? result : undefined;
  };
}

function calculate(op: ArithmeticOp, a: number, b: number): number {
  switch (op) {
    case "+":
      return a + b;
    case "-":
      return a - b;
    case "*":
      return a * b;
    case "/":
      return a / b;
  }
}

function codePoints(text: string): number {
  let count = 0;
  for (let i = 0; i < text.length; count++) i += text.codePointAt(i)! > 0xffff ? 2 : 1;
  return count;
}
