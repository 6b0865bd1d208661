import { WeirError } from "../domain/errors.ts";

/** What is wrong with an expression, and where: an offset in UTF-16 units. */
export class Problem extends Error {
  override readonly name = "Problem";
  readonly offset: number;

  constructor(offset: number, message: string) {
    super(message);
    this.offset = offset;
  }
}

/**
 * The error that the caller sees. Its message begins with line:column, both from 1, columns in code points, so that an
 * editor can show the place.
 */
export function invalidFilter(expression: string, problem: Problem, field: string): WeirError {
  const before = [...expression.slice(0, problem.offset)];
  const line = before.reduce((lines, char) => (char === "\n" ? lines + 1 : lines), 1);
  const column = before.length - before.lastIndexOf("\n");
  const message = `${line}:${column}: ${problem.message}`;
  return new WeirError("INVALID_ARGUMENT", "INVALID_FILTER", `${field}: ${message}`, {
    violations: [{ field, ruleId: "filter.invalid", message }],
  });
}
