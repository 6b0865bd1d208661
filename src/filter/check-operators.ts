import { arithmetic, negate } from "./check-arithmetic.ts";
import { compare, isIn } from "./check-comparisons.ts";
import type { BoolExpr } from "./filter.ts";
import { Problem } from "./problem.ts";
import { describe, element, expect, type Typed } from "./typed.ts";

/** A checked operator by the parser's name for it; undefined where the name is none of an operator. */
export function checkOperator(name: string, args: readonly Typed[], offset: number): Typed | undefined {
  const [a, b, c] = args as [Typed, Typed, Typed];
  switch (name) {
    case "_&&_":
      return joined("and", a, b, offset);
    case "_||_":
      return joined("or", a, b, offset);
    case "!_":
      return bool({ kind: "not", arg: expect(a, "bool", "! takes a boolean").expr }, offset);
    case "_==_":
      return compare("==", a, b, offset);
    case "_!=_":
      return compare("!=", a, b, offset);
    case "_<_":
      return compare("<", a, b, offset);
    case "_<=_":
      return compare("<=", a, b, offset);
    case "_>_":
      return compare(">", a, b, offset);
    case "_>=_":
      return compare(">=", a, b, offset);
    case "@in":
      return isIn(a, b, offset);
    case "_[_]":
      return index(a, b, offset);
    case "_?_:_":
      return choice(a, b, c, offset);
    case "_+_":
      return arithmetic("+", a, b, offset);
    case "_-_":
      return arithmetic("-", a, b, offset);
    case "_*_":
      return arithmetic("*", a, b, offset);
    case "_/_":
      return arithmetic("/", a, b, offset);
    case "-_":
      return negate(a, offset);
    case "_%_":
      throw new Problem(
        offset,
        "% is not part of the language: it is for whole numbers, and measures are doubles",
      );
    default:
      return undefined;
  }
}

function bool(expr: BoolExpr, offset: number): Typed {
  return { type: "bool", expr, offset };
}

/** Operands in a row become one node, so that a long row is not a deep tree. */
function joined(kind: "and" | "or", a: Typed, b: Typed, offset: number): Typed {
  const what = kind === "and" ? "&& takes booleans" : "|| takes booleans";
  const args = [expect(a, "bool", what).expr, expect(b, "bool", what).expr];
  return bool({ kind, args: args.flatMap((arg) => (arg.kind === kind ? arg.args : [arg])) }, offset);
}

function index(subject: Typed, key: Typed, offset: number): Typed {
  if (subject.type !== "map") throw new Problem(offset, `${describe(subject)} has no elements`);
  if (key.type !== "text" || key.expr.kind !== "text") {
    throw new Problem(key.offset, `a key of ${subject.map} is a text written out, such as "plan"`);
  }
  return element(subject.map, key.expr.value, offset);
}

function choice(test: Typed, whenTrue: Typed, whenFalse: Typed, offset: number): Typed {
  const condition = expect(test, "bool", "what stands before ? is a boolean").expr;
  const what = `both sides of : are of one type, here ${describe(whenTrue)}`;
  switch (whenTrue.type) {
    case "bool": {
      const other = expect(whenFalse, "bool", what);
      return bool({ kind: "choice", condition, whenTrue: whenTrue.expr, whenFalse: other.expr }, offset);
    }
    case "text": {
      const other = expect(whenFalse, "text", what);
      return {
        type: "text",
        expr: { kind: "choice", condition, whenTrue: whenTrue.expr, whenFalse: other.expr },
        offset,
      };
    }
    case "number": {
      const other = expect(whenFalse, "number", what);
      return {
        type: "number",
        expr: { kind: "choice", condition, whenTrue: whenTrue.expr, whenFalse: other.expr },
        offset,
      };
    }
    default:
      throw new Problem(
        whenTrue.offset,
        `? chooses between booleans, texts or numbers, not ${describe(whenTrue)}`,
      );
  }
}
