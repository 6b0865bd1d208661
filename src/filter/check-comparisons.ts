import { eventTypeTexts } from "../domain/record/payload.ts";
import { combine } from "./check-arithmetic.ts";
import type { BoolExpr, CompareOp } from "./filter.ts";
import { holds } from "./order.ts";
import { Problem } from "./problem.ts";
import { describe, expect, type Typed, type TypedOf } from "./typed.ts";

export function compare(op: CompareOp, left: Typed, right: Typed, offset: number): Typed {
  return { type: "bool", expr: comparison(op, left, right, offset), offset };
}

function comparison(op: CompareOp, left: Typed, right: Typed, offset: number): BoolExpr {
  const what = `${op} wants ${left.type}s on both sides`;
  switch (left.type) {
    case "bool": {
      const other = expect(right, "bool", `${op} wants booleans on both sides`);
      if (op !== "==" && op !== "!=") throw new Problem(offset, "booleans have no order");
      return { kind: "compareBools", op, left: left.expr, right: other.expr };
    }
    case "text":
      // Against a number it is the property that was meant to be something else.
      if (right.type === "number" && left.expr.kind === "property") {
        expect(left, "number", `${op} wants numbers on both sides`);
      }
      return compareTexts(op, left, expect(right, "text", what));
    case "number":
      return { kind: "compareNumbers", op, left: left.expr, right: expect(right, "number", what).expr };
    case "timestamp":
    case "duration":
      return compareTimes(op, left, expect(right, left.type, what), offset);
    default:
      throw new Problem(left.offset, `${describe(left)} cannot be compared as a whole`);
  }
}

function compareTexts(op: CompareOp, left: TypedOf<"text">, right: TypedOf<"text">): BoolExpr {
  checkEventType(left, right);
  checkEventType(right, left);
  return { kind: "compareTexts", op, left: left.expr, right: right.expr };
}

/** event_type is one of four texts: comparing it with another is a mistake, which would match nothing or everything. */
function checkEventType({ expr: field }: TypedOf<"text">, { expr: value, offset }: TypedOf<"text">): void {
  const compared = field.kind === "textField" && field.field === "event_type" && value.kind === "text";
  if (compared && !eventTypeTexts.includes(value.value)) {
    const known = eventTypeTexts.map((text) => JSON.stringify(text)).join(", ");
    const reason = `event_type is one of ${known}, never ${JSON.stringify(value.value)}`;
    throw new Problem(offset, `${reason}; what a flat event calls event_type is the name`);
  }
}

/** Everything that the event holds goes to the left side, everything that is fixed to the right one. */
function compareTimes(
  op: CompareOp,
  left: TypedOf<"timestamp" | "duration">,
  right: TypedOf<"timestamp" | "duration">,
  offset: number,
): BoolExpr {
  const { timestamp, received, us } = combine(left, -1, right, offset);
  const fixed = Number(-us);
  const difference = [
    { field: "timestamp", factor: timestamp },
    { field: "received_time", factor: received },
  ] as const;
  const plus = difference.find(({ factor }) => factor > 0)?.field;
  const minus = difference.find(({ factor }) => factor < 0)?.field;
  if (plus) return { kind: "compareTimes", op, field: plus, ...(minus ? { minus } : {}), us: fixed };
  if (minus) return { kind: "compareTimes", op: mirrored[op], field: minus, us: Number(us) };
  return { kind: "bool", value: holds(op, 0, fixed) };
}

/** The operator after both sides have changed their sign. */
const mirrored = { "==": "==", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<=" } as const;

/** `x in [literals]`, or `"key" in properties`. */
export function isIn(left: Typed, right: Typed, offset: number): Typed {
  return { type: "bool", expr: membership(left, right, offset), offset };
}

function membership(left: Typed, right: Typed, offset: number): BoolExpr {
  if (right.type === "map") {
    if (left.type === "text" && left.expr.kind === "text") {
      return { kind: "has", map: right.map, key: left.expr.value };
    }
    throw new Problem(left.offset, `a key of ${right.map} is a text written out, such as "plan"`);
  }
  const { elements } = expect(right, "list", "what stands after in is a list, properties or measures");
  const what = `the list's elements are compared with ${describe(left)}`;
  switch (left.type) {
    case "text":
      return {
        kind: "textIn",
        arg: left.expr,
        values: elements.map((e) => {
          const element = expect(e, "text", what);
          checkEventType(left, element);
          return fixed(element).value;
        }),
      };
    case "number":
      return {
        kind: "numberIn",
        arg: left.expr,
        values: elements.map((e) => fixed(expect(e, "number", what)).value),
      };
    case "timestamp":
    case "duration": {
      const args = elements.map((e) => compareTimes("==", left, expect(e, left.type, what), offset));
      return { kind: "or", args };
    }
    default:
      throw new Problem(left.offset, `${describe(left)} cannot be an element of a list`);
  }
}

function fixed(element: TypedOf<"text">): { readonly value: string };
function fixed(element: TypedOf<"number">): { readonly value: number };
function fixed({ expr, offset }: TypedOf<"text" | "number">): { readonly value: string | number } {
  if (expr.kind === "text" || expr.kind === "number") return expr;
  throw new Problem(offset, "the list's elements are values written out");
}
