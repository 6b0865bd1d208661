import { Problem } from "./problem.ts";
import type { Token } from "./tokens.ts";

/** What people write in place of CEL's operators. */
const spelling = new Map([
  ["=", "=="],
  ["<>", "!="],
  ["&", "&&"],
  ["|", "||"],
  ["and", "&&"],
  ["or", "||"],
  ["not", "!"],
  ["AND", "&&"],
  ["OR", "||"],
  ["NOT", "!"],
]);
const operators = new Set(
  "== != < <= > >= in && || ! + - * / % ? : . ,".split(" ").concat([...spelling.keys()]),
);
const closing = new Map([
  ["(", ")"],
  ["[", "]"],
  ["{", "}"],
]);

/**
 * Says in words why the parser refused an expression, where values, operators and brackets do not fit together. The
 * parser's own message names the last place up to which it could read, which misleads. Only asked once it has refused.
 */
export function explainSyntax(tokens: readonly Token[]): Problem | undefined {
  const open: Token[] = [];
  let wantsValue = true;
  let previous: Token | undefined;
  const at = (token: Token, message: string) => new Problem(token.offset, withSpelling(token, message));
  for (const token of tokens) {
    const { text } = token;
    const isOperator = token.kind === "sign" || text === "in";
    if (!isOperator) {
      if (!wantsValue && previous?.text !== ".") return at(token, `an operator is missing before ${text}`);
      wantsValue = false;
    } else if (closing.has(text)) {
      if (!wantsValue && text === "{") return at(token, "messages are not part of the language");
      open.push(token);
      wantsValue = true;
    } else if (")]}".includes(text)) {
      const opener = open.pop();
      if (wantsValue && previous !== opener && previous?.text !== ",") {
        return at(token, `a value is missing before ${text}`);
      }
      if (!opener || closing.get(opener.text) !== text) {
        return at(token, `there is nothing open that ${text} closes`);
      }
      wantsValue = false;
    } else if (text === "!" || (text === "-" && wantsValue)) {
      if (!wantsValue) return at(token, "an operator is missing before !");
    } else if (!operators.has(text)) {
      return at(token, `${text} is not part of the language`);
    } else {
      if (wantsValue && text !== ".") return at(token, `a value is missing before ${text}`);
      if (spelling.has(text)) return at(token, `${text} is no operator`);
      wantsValue = true;
    }
    previous = token;
  }
  if (wantsValue && previous) return at(previous, `a value is missing after ${previous.text}`);
  const unclosed = open.pop();
  return unclosed && at(unclosed, `the ${unclosed.text} that opens here is not closed`);
}

function withSpelling({ text }: Token, message: string): string {
  const right = spelling.get(text);
  return right === undefined ? message : `${message}; write ${right}`;
}
