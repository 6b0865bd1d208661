import fc from "fast-check";
import type { FilterEvent } from "../../src/filter/evaluate.ts";

/** An event with defaults, for tests that look at a few of its fields. */
export function filterEvent(fields: Partial<FilterEvent> = {}): FilterEvent {
  return {
    id: "e1",
    userId: "u1",
    sessionId: "",
    name: "purchase",
    eventType: "custom",
    source: "web",
    timestampUs: 1_704_067_200_000_000,
    receivedUs: 1_704_067_200_500_000,
    properties: {},
    measures: {},
    ...fields,
  };
}

/** Few keys and values, so that expressions and events meet; among them what engines treat apart. */
const keys = ["a", "b", "user.country", "__proto__", "constructor", "", "é"];
const oddTexts = [
  "",
  "a",
  "b",
  "A",
  "ab",
  "aab",
  "a\nb",
  "\n",
  "a\n",
  "\0",
  "a\0b",
  "é",
  "e\u0301",
  "ß",
  "ſ",
  "K",
  "\u212a",
  "😀",
  "a😀b",
  "\uffff",
  "\u{10000}",
  "\u{10ffff}",
  "%",
  "_",
  "\\",
  "'",
  "$1",
  "10",
  "NaN",
  " a ",
];
const oddNumbers = [
  0,
  -0,
  1,
  -1,
  2,
  0.5,
  0.1,
  0.2,
  3,
  1e308,
  -1e308,
  5e-324,
  1e-308,
  2 ** 53,
  2 ** 53 + 2,
  1e16,
];
const oddTimes = [0, 1, 1_704_067_200_000_000, 1_704_067_200_000_001, 1_704_070_800_000_000, 2 ** 53 - 1];

const unit = fc.constantFrom("a", "b", "A", "\n", "é", "\u0301", "😀", "\uffff", "\0", "0", ".", "%", " ");
const text = fc.oneof(fc.constantFrom(...oddTexts), fc.string({ unit, maxLength: 4 }));
const number = fc.oneof(
  fc.constantFrom(...oddNumbers),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
  fc.integer({ min: -3, max: 3 }),
);
const time = fc.oneof(fc.constantFrom(...oddTimes), fc.integer({ min: 0, max: 2 ** 53 - 1 }));

function map<T>(value: fc.Arbitrary<T>): fc.Arbitrary<Record<string, T>> {
  const entries = fc.uniqueArray(fc.tuple(fc.constantFrom(...keys), value), {
    selector: ([key]) => key,
    maxLength: 5,
  });
  return entries.map(fromEntries);
}

/** Unlike an object literal's, the key __proto__ is a key like any other. */
function fromEntries<T>(entries: readonly (readonly [string, T])[]): Record<string, T> {
  return Object.fromEntries(entries) as Record<string, T>;
}

const eventTypes = ["user", "transaction", "system", "custom"];
const eventType = fc.constantFrom(...eventTypes).map(literal);

export const anyEvent: fc.Arbitrary<FilterEvent> = fc.record({
  id: text,
  userId: text,
  sessionId: text,
  name: text,
  eventType: fc.constantFrom(...eventTypes),
  source: text,
  timestampUs: time,
  receivedUs: time,
  properties: map(text),
  measures: map(number),
});

/** A text as a literal of the language. */
export function literal(value: string): string {
  const escaped = [...value].map((char) => {
    const code = char.codePointAt(0)!;
    if (char === '"' || char === "\\") return `\\${char}`;
    return code < 0x20 ? `\\u${code.toString(16).padStart(4, "0")}` : char;
  });
  return `"${escaped.join("")}"`;
}

function numberLiteral(value: number): string {
  const written = Number.isSafeInteger(value) ? String(value) : value.toExponential();
  return Object.is(value, -0) ? "-0.0" : written;
}

function timeLiteral(us: number): string {
  const ms = Math.floor(us / 1000);
  const micros = String(us - ms * 1000).padStart(3, "0");
  return `timestamp("${new Date(ms).toISOString().replace("Z", `${micros}Z`)}")`;
}

/** Patterns from pieces that every RE2 takes; whether a whole is taken is for the parser to say. */
const piece = fc.oneof(
  fc.constantFrom(
    ..."a b A é 😀 . ^ $ \\b \\A \\z \\d \\w \\s \\S \\pL \\PN \\n [ab] [^a] [^\\n] [[:alpha:]] [à-ÿ] \\x00 \\. %".split(
      " ",
    ),
  ),
  fc.constantFrom(
    "\n",
    "(?i)",
    "(?s)",
    "(?m)",
    "(?U)",
    "(?:)",
    "|",
    "\\Qa.\\E",
    "\\x{1F600}",
    "(?P<n>a)",
    "(?i:k)",
  ),
);
const quantified = fc.tuple(piece, fc.constantFrom("", "", "", "*", "+", "?", "*?", "{2}", "{0,2}", "{,2}"));
const pattern = fc
  .array(
    quantified.map(([part, count]) => part + count),
    { maxLength: 4 },
  )
  .chain((parts) => fc.constantFrom(parts.join(""), `(${parts.join("")})`, `(?:${parts.join("")})*b`));

const comparison = fc.constantFrom("==", "!=", "<", "<=", ">", ">=");
const fixedTime = fc
  .oneof(fc.constantFrom(...oddTimes), fc.integer({ min: 0, max: 2 ** 52 }))
  .map(timeLiteral);
const fixedDuration = fc
  .integer({ min: -4_000_000_000, max: 4_000_000_000 })
  .map((us) => `duration("${us}us")`);

/** Sources of expressions of each type; what is nested stands in brackets. */
const { bool } = fc.letrec<{ bool: string; text: string; number: string; time: string }>((tie) => ({
  text: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    text.map(literal),
    // Not event_type as it stands, which is compared with its own values only.
    fc.constantFrom("id", "user_id", "session_id", "name", "(true ? event_type : name)", "source"),
    fc.constantFrom(...keys).map((key) => `properties[${literal(key)}]`),
    fc.constantFrom("properties.a", "properties.b"),
    choice(tie, "text"),
  ),
  number: fc.oneof(
    { maxDepth: 3, withCrossShrink: true },
    number.map(numberLiteral),
    fc.constantFrom(...keys).map((key) => `measures[${literal(key)}]`),
    fc.constantFrom("measures.a", "measures.b", "size(properties)", "measures.size()"),
    fc
      .tuple(tie("number"), fc.constantFrom("+", "-", "*", "/"), tie("number"))
      .map(([left, op, right]) => `(${left} ${op} ${right})`),
    tie("number").map((arg) => `-(${arg})`),
    tie("text").map((arg) => `size(${arg})`),
    choice(tie, "number"),
  ),
  time: fc.oneof(
    fixedTime,
    fc.constantFrom("timestamp", "received_time"),
    fc
      .tuple(fc.constantFrom("timestamp", "received_time"), fc.constantFrom("+", "-"), fixedDuration)
      .map(([field, op, duration]) => `${field} ${op} ${duration}`),
  ),
  bool: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom("true", "false", "has(properties.a)", "has(measures.b)"),
    fc.tuple(tie("text"), comparison, tie("text")).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(comparison, eventType).map(([op, value]) => `event_type ${op} ${value}`),
    fc.array(eventType, { maxLength: 3 }).map((list) => `event_type in [${list.join(", ")}]`),
    fc.tuple(tie("number"), comparison, tie("number")).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc.tuple(tie("time"), comparison, tie("time")).map(([a, op, b]) => `${a} ${op} ${b}`),
    fc
      .tuple(
        fc.constantFrom("received_time - timestamp", "timestamp - received_time"),
        comparison,
        fixedDuration,
      )
      .map(([a, op, b]) => `${a} ${op} ${b}`),
    fc
      .tuple(tie("bool"), fc.constantFrom("==", "!="), tie("bool"))
      .map(([a, op, b]) => `(${a}) ${op} (${b})`),
    fc
      .tuple(tie("text"), fc.array(text.map(literal), { maxLength: 3 }))
      .map(([a, list]) => `${a} in [${list.join(", ")}]`),
    fc
      .tuple(tie("number"), fc.array(number.map(numberLiteral), { maxLength: 3 }))
      .map(([a, list]) => `${a} in [${list.join(", ")}]`),
    fc
      .tuple(tie("time"), fc.array(fixedTime, { maxLength: 2 }))
      .map(([a, list]) => `${a} in [${list.join(", ")}]`),
    fc
      .tuple(fc.constantFrom(...keys), fc.constantFrom("properties", "measures"))
      .map(([key, fields]) => `${literal(key)} in ${fields}`),
    fc
      .tuple(tie("text"), fc.constantFrom("startsWith", "endsWith", "contains"), tie("text"))
      .map(([a, test, b]) => `(${a}).${test}(${b})`),
    fc.tuple(tie("text"), pattern).map(([a, p]) => `(${a}).matches(${literal(p)})`),
    tie("bool").map((arg) => `!(${arg})`),
    fc
      .array(tie("bool"), { minLength: 2, maxLength: 4 })
      .chain((args) => fc.constantFrom(" && ", " || ").map((op) => args.map((arg) => `(${arg})`).join(op))),
    choice(tie, "bool"),
  ),
}));

type Tie<T> = <K extends keyof T>(key: K) => fc.Arbitrary<T[K]>;

function choice<K extends "bool" | "text" | "number">(
  tie: Tie<Record<"bool" | K, string>>,
  key: K,
): fc.Arbitrary<string> {
  return fc
    .tuple(tie("bool"), tie(key), tie(key))
    .map(([condition, whenTrue, whenFalse]) => `(${condition} ? ${whenTrue} : ${whenFalse})`);
}

/** The source of an expression that is well typed; a pattern in it may be none that is taken. */
export const anyFilter: fc.Arbitrary<string> = bool;
