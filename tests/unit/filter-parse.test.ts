import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { parseFilter } from "../../src/filter/parse.ts";
import { defaultFilterLimits } from "../../src/filter/syntax.ts";

function refusal(source: string, limits = {}): WeirError {
  try {
    parseFilter(source, { limits });
  } catch (error) {
    if (error instanceof WeirError) return error;
    throw error;
  }
  throw new Error(`taken: ${source}`);
}

/** What is refused, where (line:column), and the words that say why. */
const refused: readonly (readonly [source: string, place: string, reason: string])[] = [
  ["", "1:1", "empty"],
  ["  // nothing\n", "1:1", "empty"],
  // Syntax.
  ['name = "x"', "1:6", "= is no operator; write =="],
  ['name <> "x"', "1:6", "write !="],
  ['name == "x" and true', "1:13", "an operator is missing before and; write &&"],
  ["true | false", "1:6", "write ||"],
  ["name ==", "1:6", "a value is missing after =="],
  ['== "x"', "1:1", "a value is missing before =="],
  ["name == )", "1:9", "a value is missing before )"],
  ['(name == "x"', "1:1", "the ( that opens here is not closed"],
  ['name == "x")', "1:12", "there is nothing open that ) closes"],
  ['name in ["x")', "1:13", "there is nothing open that ) closes"],
  ['name == "x', "1:9", 'no closing "'],
  ["name == 'x", "1:9", "no closing '"],
  ['name "x"', "1:6", 'an operator is missing before "x"'],
  ["name == #", "1:9", "# is not part of the language"],
  ["e{a: 1}", "1:1", "messages"],
  ['name == "\\ud800"', "1:1", "surrogate"],
  ["name == in", "1:9", "a value is missing before in"],
  ["package == name", "1:1", "reserved"],
  // Names.
  [
    'country == "x"',
    "1:1",
    "there is no field country: the fields are id, user_id, session_id, name, event_type",
  ],
  ['constructor == "x"', "1:1", "there is no field constructor"],
  ['properties.user.country == "x"', "1:16", 'a key with dots is written properties["user.country"]'],
  ['user.country == "x"', "1:5", 'properties["user.country"]'],
  ["has(properties.user.country)", "1:1", '"user.country" in properties'],
  ["measures.cart.total > 1", "1:14", 'measures["cart.total"]'],
  ['has(properties["a"])', "1:1", '"the key" in properties'],
  ["has(name)", "1:1", "has takes a key"],
  ["properties[name] == name", "1:12", "a text written out"],
  ["measures[1] > 1", "1:10", "a text written out"],
  ["name in properties", "1:1", "a text written out"],
  ["name[0] == name", "1:5", "a text has no elements"],
  ["(1 + 1).a == 1", "1:8", "a number has no fields"],
  // Types.
  ["name", "1:1", "a filter says yes or no, not a text"],
  ["measures.a", "1:9", "a filter says yes or no, not a number"],
  ["properties", "1:1", "a filter says yes or no, not all properties"],
  ["name && true", "1:1", "&& takes booleans, not a text"],
  ["!name", "1:2", "! takes a boolean"],
  ["properties.amount > 10", "1:11", 'a property is always text, numbers are in measures["amount"]'],
  ["10 > properties.amount", "1:16", 'numbers are in measures["amount"]'],
  ['measures.plan == "pro"', "1:18", "== wants numbers on both sides, not a text"],
  ['"pro" == measures.plan', "1:18", 'text is in properties["plan"]'],
  ["name == 5", "1:9", "== wants texts on both sides, not a number"],
  ['timestamp > "2024-01-01T00:00:00Z"', "1:13", "> wants timestamps on both sides, not a text"],
  ['timestamp > duration("1h")', "1:13", "> wants timestamps on both sides, not a duration"],
  ["true < false", "1:6", "booleans have no order"],
  ["true == name", "1:9", "== wants booleans on both sides"],
  ["measures > 1", "1:1", "all measures cannot be compared as a whole"],
  ["measures == 1", "1:1", "all measures cannot be compared as a whole"],
  ['["a"] == ["a"]', "1:1", "a list cannot be compared as a whole"],
  ['true ? 1 : "a"', "1:12", "both sides of : are of one type"],
  ["name ? true : false", "1:1", "what stands before ? is a boolean"],
  ["(true ? timestamp : received_time) == timestamp", "1:9", "? chooses between booleans, texts or numbers"],
  ["name in name", "1:9", "what stands after in is a list, properties or measures"],
  ["name in [1]", "1:10", "the list's elements are compared with a text, not a number"],
  ["name in [id]", "1:10", "values written out"],
  ["true in [true]", "1:1", "a boolean cannot be an element"],
  ["name == null", "1:9", "ask for presence by has"],
  ['name == b"x"', "1:9", "bytes"],
  ["measures.a == 1u", "1:15", "without u"],
  ["{1: 2} == name", "1:1", "maps and messages"],
  // Numbers and times.
  ['name + "x" == name', "1:6", "texts cannot be joined"],
  ['measures.a + "x" > 1', "1:14", "+ takes numbers, not a text"],
  ["-name == name", "1:2", "- takes a number"],
  ["measures.a % 2 == 0", "1:12", "measures are doubles"],
  ["99999999999999999999 > 1", "1:1", "does not fit 64 bits"],
  ["9223372036854775808 > 1", "1:1", "does not fit 64 bits"],
  ["1e309 > 1", "1:1", "does not fit a double"],
  ["timestamp + timestamp > timestamp", "1:11", "+ does not go between a timestamp and a timestamp"],
  ["timestamp * 2 > timestamp", "1:11", "* does not go between a timestamp and a number"],
  [
    "timestamp - received_time > received_time - timestamp",
    "1:27",
    "the event's times may be subtracted once",
  ],
  ['timestamp > timestamp("yesterday")', "1:13", "is no RFC 3339 time"],
  ['timestamp > timestamp("2024-02-30T00:00:00Z")', "1:13", "does not exist"],
  ['timestamp > timestamp("2023-02-29T00:00:00Z")', "1:13", "does not exist"],
  ['timestamp > timestamp("2024-01-01T24:00:00Z")', "1:13", "does not exist"],
  ['timestamp > timestamp("2024-01-01T00:00:60Z")', "1:13", "does not exist"],
  ['timestamp > timestamp("0000-01-01T00:00:00Z")', "1:13", "does not exist"],
  ['timestamp > timestamp("2024-01-01T00:00:00")', "1:13", "is no RFC 3339 time"],
  ['timestamp > timestamp("2024-01-01T00:00:00.1234567Z")', "1:13", "nothing finer"],
  ["timestamp > timestamp(properties.at)", "1:33", "a text written out"],
  ["timestamp > timestamp(1700000000)", "1:23", "a text written out"],
  ['timestamp - received_time > duration("1d")', "1:29", "is no duration"],
  ['timestamp - received_time > duration("")', "1:29", "is no duration"],
  ['timestamp - received_time > duration("1ns")', "1:29", "nothing finer"],
  ['timestamp - received_time > duration("9999999h")', "1:29", "292 years"],
  // Values of event_type.
  [
    'event_type == "USER"',
    "1:15",
    'event_type is one of "user", "transaction", "system", "custom", never "USER"',
  ],
  ['"" != event_type', "1:1", "event_type is one of"],
  ['event_type < "u"', "1:14", "event_type is one of"],
  ['event_type in ["user", "EVENT_TYPE_SYSTEM"]', "1:24", "event_type is one of"],
  // Functions.
  ['name.substring("x")', "1:5", "there is no .substring(…): there are startsWith"],
  ['startsWith(name, "x")', "1:1", "write TEXT.startsWith(…)"],
  ['name.duration("x")', "1:5", "write duration(…)"],
  ["now() > timestamp", "1:1", "there is no now(…)"],
  ["name.startsWith()", "1:5", "startsWith takes one argument"],
  ['name.startsWith("a", "b")', "1:5", "startsWith takes one argument"],
  ["name.contains(1)", "1:15", "contains looks for a text, not a number"],
  ['measures.a.contains("1")', "1:9", "contains looks into a text"],
  ["size(1) == 1", "1:6", "size takes a text"],
  ["name.size(1) == 1", "1:5", "nothing in its brackets"],
  ["properties.exists(p, p == name)", "1:11", "exists"],
  // Patterns.
  ['name.matches("(")', "1:14", "missing closing )"],
  ["name.matches(id)", "1:14", "a text written out"],
  ['name.matches("a**")', "1:14", "invalid nested repetition operator"],
  ['name.matches("(?=a)")', "1:14", "invalid or unsupported Perl syntax"],
  [String.raw`name.matches(r"(a)\1")`, "1:14", "invalid escape sequence"],
  [String.raw`name.matches(r"a\B")`, "1:14", "\\B is not supported"],
  [String.raw`name.matches(r"\Qa")`, "1:14", "\\Q has no \\E"],
  ['name.matches("(?<n>a)")', "1:14", "groups are named by (?P<name>…)"],
  [String.raw`name.matches(r"\p{Cn}")`, "1:14", "there is no character class \\p{Cn}"],
  [String.raw`name.matches(r"\PC")`, "1:14", "there is no character class \\PC"],
  [String.raw`name.matches(r"\p{constructor}")`, "1:14", "there is no character class"],
  ['name.matches("(.{100}){10}")', "1:14", "too large"],
  [String.raw`name.matches(r"\pL{100}")`, "1:14", "too large"],
  [`name.matches("${"a".repeat(1025)}")`, "1:14", "up to 1024 characters"],
];

describe("parseFilter refuses, with the place and the reason", () => {
  it.each(refused)("%j", (source, place, reason) => {
    const error = refusal(source);
    expect(error).toMatchObject({ code: "INVALID_ARGUMENT", reason: "INVALID_FILTER" });
    expect(error.message).toContain(`filter: ${place}: `);
    expect(error.message).toContain(reason);
    const message = error.message.slice("filter: ".length);
    expect(error.violations).toEqual([{ field: "filter", ruleId: "filter.invalid", message }]);
  });

  it("whatever tokens are thrown together, and never fails otherwise", () => {
    const names =
      "name properties measures timestamp a null true in has( size( .matches( .contains( .exists(";
    const signs = '. ( ) [ ] { } == != < && || ! - + * / % ? : , = & @ # ` é 😀 \\ \' " """ //';
    const values = `1 2.5 0x1f 1u "t" r"\\d" b"x" timestamp("2024-01-01T00:00:00Z") duration("1s")`;
    const token = fc.constantFrom(...`${names} ${signs} ${values}`.split(" "), "\n", " ");
    const soup = fc.array(token, { maxLength: 20, size: "max" });
    fc.assert(
      fc.property(soup, fc.constantFrom("", " "), (tokens, separator) => {
        try {
          parseFilter(tokens.join(separator));
        } catch (error) {
          expect(error).toMatchObject({ reason: "INVALID_FILTER", violations: [{ field: "filter" }] });
        }
      }),
      { numRuns: 3000 },
    );
  });

  it("by lines and by columns in code points", () => {
    expect(refusal('name == "x" &&\n  foo == 1').message).toContain("filter: 2:3: ");
    expect(refusal('"😀é" == name && foo == 1').message).toContain("filter: 1:17: ");
    expect(refusal('"😀é" == name & true').message).toContain("filter: 1:14: ");
  });
});

describe("parseFilter takes", () => {
  it.each([
    "// a comment\nname == 'x'\t",
    String.raw`name in ["a", 'b', """c""", r"\d", "\u00e9\n", ]`,
    'has(properties.a) && !("b" in measures) || (true ? false : true)',
    "-measures.a + 2 * (measures.b - 1.5e3) / 0x10 >= -9223372036854775808",
    '.name == "x"',
    'event_type == "user" || "transaction" != event_type || event_type in ["system", "custom"]',
    'event_type == properties["type"] || event_type.startsWith("us")',
    'timestamp + duration("-1h2m3.5s4ms5us6000ns") < timestamp("2024-02-29T23:59:59.123456000+05:30")',
    String.raw`name.matches(r"[(?<]\\B\\pX(?P<n>a)\Q\B\E")`,
  ])("%j", (source) => {
    const filter = parseFilter(source);
    expect(filter.text).toBe(source);
    expect(structuredClone(filter)).toEqual(filter);
  });

  it("operands in a row as one level", () => {
    const { root } = parseFilter("true && false && true && false && true");
    expect(root).toMatchObject({ kind: "and", args: { length: 5 } });
  });

  it("times on either side as one comparison with the field first", () => {
    const written = { kind: "compareTimes", op: ">", field: "timestamp", us: 1_704_067_200_000_000 };
    expect(parseFilter('timestamp > timestamp("2024-01-01T00:00:00Z")').root).toEqual(written);
    expect(parseFilter('timestamp("2024-01-01T00:00:00Z") < timestamp').root).toEqual(written);
    expect(parseFilter('timestamp - duration("1h") > timestamp("2023-12-31T23:00:00Z")').root).toEqual(
      written,
    );
  });
});

describe("the bounds of a filter", () => {
  const { maxBytes, maxTokens, maxDepth } = defaultFilterLimits;

  it("are bytes", () => {
    const source = (bytes: number) => `name == "${"é".repeat((bytes - 10) / 2)}"`;
    expect(parseFilter(source(maxBytes)).text).toHaveLength(maxBytes / 2 + 5);
    expect(refusal(source(maxBytes + 2)).message).toContain(
      `${maxBytes + 2} bytes are more than the ${maxBytes}`,
    );
  });

  it("are names, values and signs", () => {
    const source = (tokens: number) => `name in [${"1,".repeat((tokens - 5) / 2)}1]`;
    expect(refusal(source(maxTokens - 1)).message).toContain("compared with a text");
    expect(refusal(source(maxTokens + 1)).message).toContain(`beyond the ${maxTokens}`);
  });

  it.each([
    ["brackets", (n: number) => `${"(".repeat(n)}true${")".repeat(n)}`],
    ["ternaries", (n: number) => `${"true ? true : ".repeat(n - 1)}true`],
    ["sums", (n: number) => `1${" + 1".repeat(n - 2)} > 1`],
  ])("are levels of %s", (_, nested) => {
    expect(parseFilter(nested(maxDepth)).text).toBe(nested(maxDepth));
    expect(refusal(nested(maxDepth + 2)).message).toContain(`nested deeper than ${maxDepth} levels`);
  });

  it.each([
    "(",
    "[",
    "{",
    "!",
    "-",
    "a?",
    "f(",
    "a[",
    "a.",
    "a+",
    "a&&",
    "'",
    '"',
    "\\",
    '"""',
    "//",
    "?:",
    "[[1,",
    "has(",
  ])("are kept by 10 KiB of %j", (piece) => {
    const source = piece.repeat(Math.floor(maxBytes / piece.length));
    expect(refusal(source)).toMatchObject({ reason: "INVALID_FILTER" });
    expect(refusal(source, { maxTokens: maxBytes })).toMatchObject({ reason: "INVALID_FILTER" });
  });

  it("can be set", () => {
    expect(refusal("true || false", { maxBytes: 12 }).message).toContain("13 bytes");
    expect(refusal("true || false", { maxTokens: 2 }).message).toContain("beyond the 2");
    expect(refusal("((true))", { maxDepth: 1 }).message).toContain("1:2: ");
  });
});
