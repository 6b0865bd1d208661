/** How commands end that work on brokers or a database themselves. */
import { ConfigError } from "../config/config.ts";
import { type CommandContext, exitCodes, UsageError } from "./command.ts";

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
