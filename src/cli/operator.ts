/** How commands end that work on brokers or a database themselves. */
import { ConfigError } from "../config/config.ts";
import { type CommandContext, exitCodes, type FlagValues, UsageError, wholeNumber } from "./command.ts";

/** How long such a command waits for what may be starting beside it. */
export const waitFlags = {
  timeout: {
    type: "string",
    value: "SECONDS",
    summary: "how long to wait for an answer at the start, 1 to 3600",
    default: "30",
  },
} as const;

/** In milliseconds. @throws UsageError */
export function readWait(values: FlagValues): number {
  return wholeNumber(values, "timeout", 1, 3600) * 1000;
}

/** The server's program, loaded by those commands alone: it is large. */
export type Program = typeof import("../main.ts");

/**
 * Runs the work of a command.
 *
 * @returns what it answers, or the exit code of what went wrong, told in one line
 * @throws UsageError for a setting that cannot be used
 */
export async function operate(
  command: string,
  context: CommandContext,
  work: (program: Program) => Promise<number>,
): Promise<number> {
  const program = await import("../main.ts");
  try {
    return await work(program);
  } catch (error) {
    const { message } = error as Error;
    if (error instanceof ConfigError) throw new UsageError(message);
    context.stderr.write(`weir ${command}: ${message}\n`);
    return error instanceof program.UnreachableError ? exitCodes.unreachable : exitCodes.notAll;
  }
}
