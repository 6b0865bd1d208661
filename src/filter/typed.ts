import type { BoolExpr, MapField, NumberExpr, TextExpr } from "./filter.ts";
import { Problem } from "./problem.ts";

/** A checked part of an expression: its type, its meaning, and its place for messages. */
export type Typed = { readonly offset: number } & (
  | { readonly type: "bool"; readonly expr: BoolExpr }
  | { readonly type: "text"; readonly expr: TextExpr }
  | { readonly type: "number"; readonly expr: NumberExpr }
  | ({ readonly type: "timestamp" | "duration" } & LinearTime)
  | { readonly type: "map"; readonly map: MapField }
  | { readonly type: "list"; readonly elements: readonly Typed[] }
);
export type TypeName = Typed["type"];
export type TypedOf<T extends TypeName> = Extract<Typed, { readonly type: T }>;

/** `timestamp` times the event's timestamp, plus `received` times its received time, plus `us` microseconds. */
export interface LinearTime {
  readonly timestamp: number;
  readonly received: number;
  readonly us: bigint;
}

/** A type with its article, as messages name it. */
export function describe(typed: Typed): string {
  switch (typed.type) {
    case "bool":
      return "a boolean";
    case "map":
      return `all ${typed.map}`;
    default:
      return `a ${typed.type}`;
  }
}

/** @throws Problem when it has another type; `what` says who wants it. */
export function expect<T extends TypeName>(typed: Typed, type: T, what: string): TypedOf<T> {
  if (typed.type !== type)
    throw new Problem(typed.offset, `${what}, not ${describe(typed)}${hint(typed, type)}`);
  return typed as TypedOf<T>;
}

/** What was probably meant where a property stands in the place of a number or a measure in that of a text. */
function hint(typed: Typed, wanted: TypeName): string {
  if (typed.type === "text" && typed.expr.kind === "property" && wanted === "number") {
    return `: a property is always text, numbers are in measures[${JSON.stringify(typed.expr.key)}]`;
  }
  if (typed.type === "number" && typed.expr.kind === "measure" && wanted === "text") {
    return `: a measure is always a number, text is in properties[${JSON.stringify(typed.expr.key)}]`;
  }
  if (typed.type === "map" && typed.map === "properties" && wanted === "text")
    return ": write properties.KEY";
  if (typed.type === "map" && typed.map === "measures" && wanted === "number") return ": write measures.KEY";
  return "";
}

/** Value of a key of properties or measures. */
export function element(map: MapField, key: string, offset: number): Typed {
  return map === "properties"
    ? { type: "text", expr: { kind: "property", key }, offset }
    : { type: "number", expr: { kind: "measure", key }, offset };
}
