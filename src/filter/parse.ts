import { check } from "./check.ts";
import type { Filter } from "./filter.ts";
import { invalidFilter, Problem } from "./problem.ts";
import { defaultFilterLimits, type FilterLimits, parseSyntax } from "./syntax.ts";

export interface ParseOptions {
  /** What an expression may cost; what is left out has its default. */
  readonly limits?: Partial<FilterLimits>;
  /** Path of the field that it stands in, for the error. Default filter. */
  readonly field?: string;
}

/**
 * Reads and checks a filter expression.
 *
 * @throws WeirError INVALID_ARGUMENT/INVALID_FILTER with one violation of the field, whose message begins with
 * line:column
 */
export function parseFilter(text: string, { limits = {}, field = "filter" }: ParseOptions = {}): Filter {
  const bounds = { ...defaultFilterLimits, ...limits };
  try {
    return { text, root: check(parseSyntax(text, bounds), bounds) };
  } catch (error) {
    if (error instanceof Problem) throw invalidFilter(text, error, field);
    throw error;
  }
}
