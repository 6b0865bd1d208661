import type { TextTest } from "./filter.ts";
import { patternProblem } from "./pattern.ts";
import { Problem } from "./problem.ts";
import { durationUs, timestampUs } from "./time-literals.ts";
import { describe, expect, type Typed } from "./typed.ts";

const methods = "startsWith, endsWith, contains, matches and size";
const functions = "has, size, timestamp and duration";

/** A checked `subject.name(args)`. */
export function checkMethod(name: string, subject: Typed, args: readonly Typed[], offset: number): Typed {
  switch (name) {
    case "startsWith":
    case "endsWith":
    case "contains": {
      const part = expect(only(args, name, offset), "text", `${name} looks for a text`).expr;
      return {
        type: "bool",
        expr: { kind: "textTest", test: name satisfies TextTest, arg: text(subject, name), part },
        offset,
      };
    }
    case "matches":
      return {
        type: "bool",
        expr: { kind: "matches", arg: text(subject, name), pattern: pattern(args, offset) },
        offset,
      };
    case "size":
      if (args.length > 0) throw new Problem(offset, "size takes nothing in its brackets after a dot");
      return size(subject, offset);
    default:
      throw new Problem(offset, `there is no .${name}(…): there are ${methods}${elsewhere(name, functions)}`);
  }
}

/** A checked `name(args)`. */
export function checkFunction(name: string, args: readonly Typed[], offset: number): Typed {
  switch (name) {
    case "size":
      return size(only(args, name, offset), offset);
    case "timestamp": {
      const us = timestampUs(literal(only(args, name, offset), 'timestamp("2024-01-01T00:00:00Z")'));
      if (typeof us === "string") throw new Problem(offset, us);
      return { type: "timestamp", timestamp: 0, received: 0, us, offset };
    }
    case "duration": {
      const us = durationUs(literal(only(args, name, offset), 'duration("1h30m")'));
      if (typeof us === "string") throw new Problem(offset, us);
      return { type: "duration", timestamp: 0, received: 0, us, offset };
    }
    case "has":
      throw new Problem(
        offset,
        'has takes a key after a dot, as has(properties.plan); else write "the key" in properties',
      );
    default:
      throw new Problem(offset, `there is no ${name}(…): there are ${functions}${elsewhere(name, methods)}`);
  }
}

/** A function written as a method, or the other way round. */
function elsewhere(name: string, others: string): string {
  if (!others.split(/, | and /).includes(name)) return "";
  return others === methods ? `; write TEXT.${name}(…)` : `; write ${name}(…)`;
}

function only(args: readonly Typed[], name: string, offset: number): Typed {
  const [arg] = args;
  if (!arg || args.length > 1) throw new Problem(offset, `${name} takes one argument`);
  return arg;
}

function text(subject: Typed, name: string) {
  return expect(subject, "text", `${name} looks into a text`).expr;
}

function literal(arg: Typed, example: string): string {
  if (arg.type === "text" && arg.expr.kind === "text") return arg.expr.value;
  throw new Problem(arg.offset, `it is a text written out, as in ${example}`);
}

function pattern(args: readonly Typed[], offset: number): string {
  const arg = only(args, "matches", offset);
  const written = literal(arg, 'matches("^/docs/")');
  const problem = patternProblem(written);
  if (problem !== undefined)
    throw new Problem(arg.offset, `the pattern is no RE2 that is taken here: ${problem}`);
  return written;
}

function size(arg: Typed, offset: number): Typed {
  switch (arg.type) {
    case "text":
      return { type: "number", expr: { kind: "textSize", arg: arg.expr }, offset };
    case "map":
      return { type: "number", expr: { kind: "mapSize", map: arg.map }, offset };
    default:
      throw new Problem(arg.offset, `size takes a text, properties or measures, not ${describe(arg)}`);
  }
}
