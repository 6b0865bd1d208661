import { checkFunction, checkMethod } from "./check-functions.ts";
import { checkOperator } from "./check-operators.ts";
import {
  type BoolExpr,
  mapFields,
  type NumberExpr,
  type TextExpr,
  textFields,
  timeFields,
} from "./filter.ts";
import { Problem } from "./problem.ts";
import { type Expr, type FilterLimits, type Syntax, tooDeep } from "./syntax.ts";
import { describe, element, expect, type Typed } from "./typed.ts";

const knownFields = [...textFields, ...timeFields].join(", ");
const largestInteger = 2n ** 63n - 1n;

/**
 * Types the parser's tree: every name is known, every operator has operands that it takes, every literal is in range.
 *
 * @throws Problem at the first place that has no meaning
 */
export function check({ expr, offsetOf }: Syntax, limits: FilterLimits): BoolExpr {
  return expect(visit(expr, 1), "bool", "a filter says yes or no").expr;

  function visit(node: Expr | undefined, depth: number): Typed {
    if (node === undefined) throw new Problem(0, "a part of the expression is missing");
    const offset = offsetOf(node);
    if (depth > limits.maxDepth) throw tooDeep(offset, limits);
    const { exprKind } = node;
    switch (exprKind.case) {
      case "constExpr":
        return constant(exprKind.value.constantKind, offset);
      case "identExpr":
        return field(exprKind.value.name, offset);
      case "selectExpr":
        return select(exprKind.value, offset, depth);
      case "listExpr":
        return { type: "list", elements: exprKind.value.elements.map((e) => visit(e, depth + 1)), offset };
      case "callExpr": {
        const { target, args, function: name } = exprKind.value;
        const subject = target && visit(target, depth + 1);
        const typed = args.map((arg) => visit(arg, depth + 1));
        if (subject) return checkMethod(name, subject, typed, offset);
        return checkOperator(name, typed, offset) ?? checkFunction(name, typed, offset);
      }
      case "comprehensionExpr":
        throw new Problem(offset, "all, exists, exists_one, map and filter are not part of the language");
      default:
        throw new Problem(offset, "maps and messages cannot be made in a filter");
    }
  }

  function select({ operand, field: key, testOnly }: Select, offset: number, depth: number): Typed {
    const path = operand && namePath(operand);
    if (path !== undefined && !(mapFields as readonly string[]).includes(path)) {
      const inMap = /^(properties|measures)\.(.*)$/.exec(path);
      const [map, prefix] = inMap ? [inMap[1], inMap[2]] : ["properties", path];
      const whole = JSON.stringify(`${prefix}.${key}`);
      const instead = testOnly ? `${whole} in ${map}` : `${map}[${whole}]`;
      throw new Problem(offset, `${path} has no fields; a key with dots is written ${instead}`);
    }
    const subject = visit(operand, depth + 1);
    if (subject.type !== "map") throw new Problem(offset, `${describe(subject)} has no fields`);
    if (testOnly) return { type: "bool", expr: { kind: "has", map: subject.map, key }, offset };
    return element(subject.map, key, offset);
  }
}

/** `a.b.c` of names alone; undefined for every other expression. */
function namePath({ exprKind }: Expr): string | undefined {
  const keys: string[] = [];
  let kind = exprKind;
  while (kind.case === "selectExpr" && kind.value.operand) {
    keys.push(kind.value.field);
    kind = kind.value.operand.exprKind;
  }
  return kind.case === "identExpr" ? [kind.value.name, ...keys.reverse()].join(".") : undefined;
}

function field(name: string, offset: number): Typed {
  const textField = textFields.find((known) => known === name);
  if (textField) return { type: "text", expr: { kind: "textField", field: textField }, offset };
  if (name === "timestamp") return { type: "timestamp", timestamp: 1, received: 0, us: 0n, offset };
  if (name === "received_time") return { type: "timestamp", timestamp: 0, received: 1, us: 0n, offset };
  const map = mapFields.find((known) => known === name);
  if (map) return { type: "map", map, offset };
  const known = `the fields are ${knownFields}, properties.KEY and measures.KEY`;
  throw new Problem(offset, `there is no field ${name}: ${known}`);
}

type Select = Extract<Expr["exprKind"], { case: "selectExpr" }>["value"];
type Constant = Extract<Expr["exprKind"], { case: "constExpr" }>["value"]["constantKind"];

function constant(value: Constant, offset: number): Typed {
  const text = (expr: TextExpr): Typed => ({ type: "text", expr, offset });
  const number = (expr: NumberExpr): Typed => ({ type: "number", expr, offset });
  switch (value.case) {
    case "stringValue":
      return text({ kind: "text", value: value.value });
    case "boolValue":
      return { type: "bool", expr: { kind: "bool", value: value.value }, offset };
    case "int64Value":
      if (value.value > largestInteger || value.value < -largestInteger - 1n) {
        throw new Problem(offset, "the whole number does not fit 64 bits; write it with a decimal point");
      }
      return number({ kind: "number", value: Number(value.value) });
    case "doubleValue":
      if (!Number.isFinite(value.value)) throw new Problem(offset, "the number does not fit a double");
      return number({ kind: "number", value: value.value });
    case "uint64Value":
      throw new Problem(offset, "unsigned numbers are not part of the language; write the number without u");
    case "nullValue":
      throw new Problem(offset, "nothing is null; ask for presence by has(properties.KEY)");
    default:
      throw new Problem(offset, "bytes are not part of the language; write a text without b");
  }
}
