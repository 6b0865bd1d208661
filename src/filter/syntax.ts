import { parse } from "@bufbuild/cel";
import { Problem } from "./problem.ts";
import { explainSyntax } from "./syntax-explanation.ts";
import { type Token, tokensOf } from "./tokens.ts";

/** A node of the parser's tree. */
export type Expr = ReturnType<typeof parse>["expr"];

/** What an expression may cost. */
export interface FilterLimits {
  /** UTF-8 bytes of the expression. */
  readonly maxBytes: number;
  /** Names, literals and signs; bounds the nodes of the tree and the parameters of its SQL. */
  readonly maxTokens: number;
  /** Brackets within brackets, and operators within operators. `&&` and `||` in a row are one level. */
  readonly maxDepth: number;
}

export const defaultFilterLimits: FilterLimits = { maxBytes: 10 * 1024, maxTokens: 5000, maxDepth: 50 };

/** The tree, and the place of each of its nodes in UTF-16 units. */
export interface Syntax {
  readonly expr: Expr;
  offsetOf(expr: Expr): number;
}

/** @throws Problem when the text is too large, too deep or no CEL. */
export function parseSyntax(expression: string, limits: FilterLimits): Syntax {
  checkText(expression, limits);
  const tokens = tokensOf(expression);
  if (tokens.length === 0) throw new Problem(0, "the expression is empty");
  checkTokens(tokens, limits);
  try {
    const { expr, sourceInfo } = parse(expression);
    return {
      expr,
      offsetOf: (node) => afterBlanks(expression, sourceInfo?.positions[node.id.toString()] ?? 0),
    };
  } catch (error) {
    throw explainSyntax(tokens) ?? parserProblem(error);
  }
}

function checkText(expression: string, { maxBytes }: FilterLimits): void {
  const bytes = Buffer.byteLength(expression);
  if (bytes > maxBytes)
    throw new Problem(0, `${bytes} bytes are more than the ${maxBytes} that a filter may have`);
  if (!expression.isWellFormed()) throw new Problem(0, "the text has a surrogate without its other half");
}

/** The parser is recursive and must not be let loose on 10,000 brackets. */
function checkTokens(tokens: readonly Token[], limits: FilterLimits): void {
  const over = tokens[limits.maxTokens];
  if (over) {
    const message = `the expression goes on beyond the ${limits.maxTokens} names, values and signs that a filter may have`;
    throw new Problem(over.offset, message);
  }
  let depth = 0;
  // Where a ternary ends is not told by its signs; all of them together stay within the bound of one nest.
  let ternaries = 0;
  for (const { kind, text, offset } of tokens) {
    if (kind !== "sign") continue;
    if ("([{".includes(text)) depth++;
    else if (")]}".includes(text)) depth--;
    else if (text === "?") ternaries++;
    if (Math.max(depth, ternaries) > limits.maxDepth) throw tooDeep(offset, limits);
  }
}

/** The parser puts some operators at the blanks before them. */
function afterBlanks(expression: string, offset: number): number {
  return offset + expression.slice(offset).search(/\S|$/);
}

export function tooDeep(offset: number, { maxDepth }: FilterLimits): Problem {
  return new Problem(offset, `the expression is nested deeper than ${maxDepth} levels here`);
}

/** What the parser itself says: `location` is not part of its declared error, so it is looked for. */
function parserProblem(error: unknown): Problem {
  const { message, rawMessage, location } = error as Error & {
    rawMessage?: string;
    location?: { start?: { offset?: number } };
  };
  return new Problem(location?.start?.offset ?? 0, rawMessage ?? message);
}
