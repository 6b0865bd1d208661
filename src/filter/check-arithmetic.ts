import type { ArithmeticOp } from "./filter.ts";
import { Problem } from "./problem.ts";
import { describe, expect, type LinearTime, type Typed, type TypeName } from "./typed.ts";

/** Far beyond every instant, and well within 64 bits. */
const largestUs = 2n ** 62n;

export function negate(arg: Typed, offset: number): Typed {
  if (arg.type === "duration") return duration(combine(zero, -1, arg, offset), offset);
  const { expr } = expect(arg, "number", "- takes a number");
  if (expr.kind === "number") return { type: "number", expr: { kind: "number", value: -expr.value }, offset };
  return { type: "number", expr: { kind: "negate", arg: expr }, offset };
}

export function arithmetic(op: ArithmeticOp, left: Typed, right: Typed, offset: number): Typed {
  if (isTime(left) || isTime(right)) return timeArithmetic(op, left, right, offset);
  if (op === "+" && left.type === "text" && right.type === "text") {
    throw new Problem(offset, "texts cannot be joined; + is for numbers");
  }
  const what = `${op} takes numbers`;
  const expr = {
    kind: "arithmetic",
    op,
    left: expect(left, "number", what).expr,
    right: expect(right, "number", what).expr,
  } as const;
  return { type: "number", expr, offset };
}

const zero: LinearTime = { timestamp: 0, received: 0, us: 0n };
type Time = Extract<Typed, { type: "timestamp" | "duration" }>;

export function isTime(typed: Typed): typed is Time {
  return typed.type === "timestamp" || typed.type === "duration";
}

function timeArithmetic(op: ArithmeticOp, left: Typed, right: Typed, offset: number): Typed {
  const result = isTime(left) && isTime(right) ? timeResult(op, left.type, right.type) : undefined;
  if (!result) {
    throw new Problem(offset, `${op} does not go between ${describe(left)} and ${describe(right)}`);
  }
  const combined = combine(left as Time, op === "+" ? 1 : -1, right as Time, offset);
  return { type: result, ...combined, offset };
}

function timeResult(op: ArithmeticOp, left: TypeName, right: TypeName): "timestamp" | "duration" | undefined {
  if (op === "-" && left === "timestamp") return right === "timestamp" ? "duration" : "timestamp";
  if (op === "+" && left !== right) return "timestamp";
  return (op === "+" || op === "-") && left === "duration" && right === "duration" ? "duration" : undefined;
}

function duration(time: LinearTime, offset: number): Typed {
  return { type: "duration", ...time, offset };
}

/** a + sign·b. Factors beyond 1 would leave the range in which doubles are exact. */
export function combine(a: LinearTime, sign: 1 | -1, b: LinearTime, offset: number): LinearTime {
  const timestamp = a.timestamp + sign * b.timestamp;
  const received = a.received + sign * b.received;
  const us = a.us + BigInt(sign) * b.us;
  if (Math.abs(timestamp) > 1 || Math.abs(received) > 1 || Math.abs(timestamp + received) > 1) {
    throw new Problem(
      offset,
      "the event's times may be subtracted once; compare their difference with a duration(…)",
    );
  }
  if (us > largestUs || us < -largestUs) throw new Problem(offset, "the time is out of range");
  return { timestamp, received, us };
}
