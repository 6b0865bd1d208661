import { RE2JS } from "@bufbuild/re2";
import { isUnicodeClass } from "./unicode-classes.ts";

/**
 * RE2 patterns that mean the same in process (@bufbuild/re2) and in the stores (Google's RE2, over UTF-8). What the two
 * read differently is refused, each with its reason; so is what would cost too much in either.
 */

/** Characters of a pattern. */
const maxLength = 1024;
/** Instructions of the compiled program: a match takes up to this many steps for each character. */
const maxInstructions = 500;
/** Ranges of its character classes; `\pL` has 684. RE2 compiles no more than about four times as many. */
const maxRanges = 20_000;

/** A whole quotation, a class by name, or one escaped character, so that what follows `\\` is not taken for an escape. */
const escapes = /\\Q.*?(\\E|$)|\\[pP](?:\{\^?([^}]*)\}|(.))|\\./gsu;

/** A class in brackets, once its escapes are gone. */
const classes = /\[\^?\]?(?:\[:\^?\w+:\]|[^\]])*\]/gu;

/** Why a pattern cannot be taken; undefined where it can. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern.length > maxLength) return `a pattern may have up to ${maxLength} characters`;
  for (const [text, quoteEnd, longName, shortName] of pattern.matchAll(escapes)) {
    const name = longName ?? shortName;
    if (name !== undefined && !isUnicodeClass(name)) return `there is no character class ${text}`;
    if (text === "\\B") return "\\B is not supported: RE2 finds it inside of characters";
    if (text.startsWith("\\Q") && quoteEnd === "") return "\\Q has no \\E";
  }
  const groups = pattern.replace(escapes, "").replace(classes, "");
  if (groups.includes("(?<")) return "groups are named by (?P<name>…)";
  let compiled: RE2JS;
  try {
    compiled = new RE2JS(pattern);
  } catch (error) {
    return (error as Error).message.replace(/^error parsing regexp: /, "");
  }
  const { inst } = compiled.re2().prog;
  const ranges = inst.reduce((sum, { runes }) => sum + Math.ceil((runes?.length ?? 0) / 2), 0);
  if (inst.length > maxInstructions || ranges > maxRanges)
    return `the pattern is too large: spelled out it has more than ${maxInstructions} instructions, or classes of too many characters`;
  return undefined;
}

/** Whether a text contains a match, for a pattern without a problem. `.` does not match a newline. */
export function patternTest(pattern: string): (text: string) => boolean {
  const compiled = new RE2JS(pattern);
  return (text) => compiled.test(text);
}
