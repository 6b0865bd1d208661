import type { FilterEvent } from "../../src/filter/evaluate.ts";

/** One expression, what is particular about the event, and what the filter says of it. */
export interface FilterVector {
  readonly why: string;
  readonly filter: string;
  readonly event: Partial<FilterEvent>;
  readonly passes: boolean;
}

const vector = (
  why: string,
  filter: string,
  passes: boolean,
  event: Partial<FilterEvent> = {},
): FilterVector => ({
  why,
  filter,
  event,
  passes,
});

const huge = { measures: { a: 1e308, b: 0 } };
const us = (iso: string) => Date.parse(iso) * 1000;

/** Cases in which engines are known to differ, or people to guess wrong. Every evaluator answers all of them. */
export const filterVectors: readonly FilterVector[] = [
  vector("a missing property is the empty text", 'properties.plan == ""', true),
  vector("a missing property is unlike any other text", 'properties.plan != "pro"', true),
  vector("a missing property is in no list of others", 'properties.plan in ["pro", "team"]', false),
  vector("a missing property can be in a list", 'properties.plan in ["", "pro"]', true),
  vector("nothing is in an empty list", "name in []", false),
  vector("a missing property comes before every text", 'properties.plan < "a"', true),
  vector("a missing property contains the empty text", 'properties.plan.contains("")', true),
  vector("a missing property matches what the empty text does", 'properties.plan.matches("^$")', true),
  vector("a missing property has size 0", "size(properties.plan) == 0", true),
  vector("an empty property is there", "has(properties.plan)", true, { properties: { plan: "" } }),
  vector("a missing property is not there", "has(properties.plan)", false),
  vector("presence of a key with a dot", '"user.country" in properties', true, {
    properties: { "user.country": "DE" },
  }),
  vector("a name of JavaScript is no key", "has(properties.constructor)", false),
  vector("a name of JavaScript is no value", 'properties.toString == ""', true),
  vector("properties and measures are apart", "has(properties.a)", false, { measures: { a: 1 } }),

  vector("a missing measure is not greater", "measures.a > 10", false),
  vector("a missing measure is not less", "measures.a <= 10", false),
  vector("a missing measure is not unequal", "measures.a != 10", false),
  vector("a missing measure does not equal itself", "measures.a == measures.a", false),
  vector("the negation of a false comparison is true", "!(measures.a == 10)", true),
  vector("a missing measure is in no list", "measures.a in [1, 2]", false),
  vector("not being in a list is true of a missing measure", "!(measures.a in [1, 2])", true),
  vector("arithmetic with a missing measure is missing", "measures.a * 0 == 0", false),
  vector("a negated missing measure is missing", "-measures.a != 1", false),
  vector("a ternary's missing side is missing", "(has(measures.a) ? measures.a : measures.b) == 1", false),
  vector("a ternary can replace what is missing", "(has(measures.a) ? measures.a : 1) == 1", true),
  vector("division by zero is missing", "measures.a / measures.b > 0", false, { measures: { a: 1, b: 0 } }),
  vector("zero by zero is missing", "measures.b / measures.b != 1", false, huge),
  vector("an overflow is missing", "measures.a * 10 > 0", false, huge),
  vector("an overflow stays missing in a denominator", "1 / (measures.a * 10) == 0", false, huge),
  vector(
    "an overflow stays missing when it is subtracted",
    "measures.a * 10 - measures.a * 10 != 1",
    false,
    huge,
  ),
  vector("an overflow stays missing times zero", "measures.a * 10 * 0 == 0", false, huge),
  vector("zero has no sign in comparisons", "measures.a == 0 && measures.a in [0]", true, {
    measures: { a: -0 },
  }),
  vector("zero has no sign in denominators", "1 / measures.a < 0", false, { measures: { a: -0 } }),
  vector("numbers are doubles", "measures.a + measures.b == 0.3", false, { measures: { a: 0.1, b: 0.2 } }),
  vector("whole literals are doubles", "5 / 2 == measures.a", true, { measures: { a: 2.5 } }),
  vector("the smallest double is not zero", "measures.a > 0", true, { measures: { a: 5e-324 } }),
  vector("a literal beyond whole doubles is the nearest one", "measures.a == 9007199254740993", true, {
    measures: { a: 9007199254740992 },
  }),

  vector("text is compared by bytes: capitals first", 'name > "B"', true, { name: "a" }),
  vector("text is compared by bytes: accents after all of ASCII", 'name > "zzz"', true, { name: "é" }),
  vector("text is compared by bytes, not by UTF-16", 'name > "\uffff"', true, { name: "\u{10000}" }),
  vector("a prefix comes first", 'name < "ab"', true, { name: "a" }),
  vector("composed and combining characters differ", 'name == "é"', false, { name: "e\u0301" }),
  vector("case matters", 'name.contains("BUY")', false, { name: "buy" }),
  vector("blanks matter", 'name == "a"', false, { name: "a " }),
  vector("the null character is a character", 'name == "a"', false, { name: "a\0b" }),
  vector("what follows a null character counts", 'name.endsWith("b")', true, { name: "a\0b" }),
  vector("percent is no wildcard", 'name.contains("%")', false, { name: "abc" }),
  vector("size counts code points", "size(name) == 2", true, { name: "é😀" }),
  vector("size counts combining characters", "name.size() == 2", true, { name: "e\u0301" }),
  vector("size counts keys", "size(properties) == 2 && size(measures) == 0", true, {
    properties: { a: "", b: "" },
  }),
  vector("quotes cannot leave a literal", `name == "' OR '1'='1"`, false),

  vector("a pattern matches anywhere", 'name.matches("rch")', true),
  vector("a pattern can be anchored", 'name.matches("^rch")', false),
  vector(". does not match a newline", 'name.matches("a.b")', false, { name: "a\nb" }),
  vector(". matches a newline where it is told to", 'name.matches("(?s)a.b")', true, { name: "a\nb" }),
  vector(". matches a character of four bytes", 'name.matches("^a.b$")', true, { name: "a😀b" }),
  vector("a character of four bytes may be absent", 'name.matches("a😀*$")', true, { name: "a" }),
  vector("a character of two bytes may be absent", 'name.matches("aé{0,2}b")', true, { name: "ab" }),
  vector("a character of two bytes in a class", 'name.matches("^[é*]$")', true, { name: "*" }),
  vector("quoted characters", String.raw`name.matches("^a\\Qé.\\E*$")`, true, { name: "aé" }),
  vector("$ is the end of the text", 'name.matches("a$")', false, { name: "a\n" }),
  vector("^ is no line's start", 'name.matches("^b")', false, { name: "a\nb" }),
  vector("^ after a character never matches", 'name.matches("a^")', false, { name: "a" }),
  vector("$ before a character never matches", 'name.matches("$a")', false, { name: "a" }),
  vector("anchors may be repeated", 'name.matches("^^a$$")', true, { name: "a" }),
  vector("an empty group matches nothing more", 'name.matches("b(?:)")', true, { name: "abc" }),
  vector("an alternative belongs to the whole pattern", 'name.matches("x|b")', true, { name: "abc" }),
  vector("case can be ignored", 'name.matches("(?i)^PUR")', true),
  vector("the Kelvin sign is a k", 'name.matches("(?i)^k$")', true, { name: "\u212a" }),
  vector("letters of every script", 'name.matches(r"^\\pL+$")', true, { name: "日本é" }),
  vector("a quotation is taken as it is", String.raw`name.matches(r"\Qa.b\E")`, false, { name: "axb" }),
  vector("the pattern x{,2} is its own text", 'name.matches("^a{,2}$")', true, { name: "a{,2}" }),
  vector("a null character in a pattern", String.raw`name.matches(r"a\x00b")`, true, { name: "a\0b" }),

  vector("a time range includes its start", 'timestamp >= timestamp("2024-01-01T00:00:00Z")', true, {
    timestampUs: us("2024-01-01T00:00:00Z"),
  }),
  vector("a timestamp may stand on the left", 'timestamp("2024-01-01T00:00:00Z") < timestamp', true, {
    timestampUs: us("2024-01-01T00:00:00Z") + 1,
  }),
  vector("an offset is taken into account", 'timestamp == timestamp("2024-01-01T02:00:00+02:00")', true, {
    timestampUs: us("2024-01-01T00:00:00Z"),
  }),
  vector("microseconds count", 'timestamp == timestamp("2024-01-01T00:00:00.000001Z")', false, {
    timestampUs: us("2024-01-01T00:00:00Z"),
  }),
  vector("times beyond every event", 'timestamp < timestamp("9999-12-31T23:59:59.999999Z")', true),
  vector("times before every event", 'timestamp > timestamp("0001-01-01T00:00:00Z")', true),
  vector("late events", 'received_time - timestamp > duration("1h30m")', true, {
    timestampUs: 0,
    receivedUs: 5_400_000_001,
  }),
  vector("exactly as late is not later", 'received_time - timestamp > duration("90m")', false, {
    timestampUs: 0,
    receivedUs: 5_400_000_000,
  }),
  vector("early events", 'timestamp - received_time > duration("-1us")', true, {
    timestampUs: 5,
    receivedUs: 5,
  }),
  vector("a shifted time", 'timestamp + duration("1s") > received_time', true, {
    timestampUs: 0,
    receivedUs: 999_999,
  }),

  vector("&& binds closer than ||", "true || false && false", true),
  vector("a ternary of booleans", 'name == "purchase" ? has(properties.a) : true', false),
  vector("booleans can be compared", "has(properties.a) == has(measures.a)", true),
];
