import { Problem } from "./problem.ts";

/** A token of the expression; `offset` in UTF-16 units. */
export interface Token {
  readonly kind: "value" | "word" | "sign";
  readonly text: string;
  readonly offset: number;
}

const blank = String.raw`[\t\n\f\r ]+|//[^\r\n]*`;
const rawText = String.raw`(?:[rR][bB]?|[bB][rR])(?:"""[^]*?"""|'''[^]*?'''|"[^"\r\n]*"|'[^'\r\n]*')`;
const escapedText = String.raw`[bB]?(?:"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\[^\r\n]|[^"\\\r\n])*"|'(?:\\[^\r\n]|[^'\\\r\n])*')`;
const number = String.raw`0[xX][0-9a-fA-F]+[uU]?|(?:\d+\.\d+|\.\d+|\d+)(?:[eE][+-]?\d+)?[uU]?`;
const word = "[A-Za-z_][A-Za-z0-9_]*";
const sign = String.raw`&&|\|\||[=!<>]=|<>|[^]`;
const pattern = `(${blank})|(${rawText}|${escapedText}|${number})|(${word})|(${sign})`;

/**
 * Splits an expression into tokens, so that its size and nesting are known before the parser recurses into it. Only
 * what cannot be a token at all is refused here; the parser has the last word.
 *
 * @throws Problem on a text literal that does not end
 */
export function tokensOf(expression: string): Token[] {
  const next = new RegExp(pattern, "uy");
  const tokens: Token[] = [];
  for (let offset = 0; offset < expression.length; offset = next.lastIndex) {
    next.lastIndex = offset;
    const [text, isBlank, isValue, isWord] = next.exec(expression)!;
    if (isBlank !== undefined) continue;
    if (text === '"' || text === "'") {
      throw new Problem(offset, `the text that begins here has no closing ${text}`);
    }
    tokens.push({
      kind: isValue !== undefined ? "value" : isWord !== undefined ? "word" : "sign",
      text,
      offset,
    });
  }
  return tokens;
}
