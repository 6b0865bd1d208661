import type { Readable, Writable } from "node:stream";
import { parseArgs } from "node:util";
import { printable } from "./printable.ts";

/** Exit codes of every command. */
export const exitCodes = { done: 0, notAll: 1, usage: 2, unreachable: 3 } as const;

/** What a command reads and writes, and the environment that it looks defaults up in. */
export interface CommandContext {
  readonly stdin: Readable;
  readonly stdout: Writable;
  readonly stderr: Writable & { isTTY?: boolean; columns?: number };
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** One flag: parsing and help are both made of this. */
export interface Flag {
  readonly type: "string" | "boolean";
  /** What stands for the value in the help, such as N; for strings. */
  readonly value?: string;
  readonly summary: string;
  /** The value where the flag is not given; shown in the help. */
  readonly default?: string;
  /** The environment variable that is asked before the default. */
  readonly env?: string;
}

export type Flags = Readonly<Record<string, Flag>>;

/** Values by the flag's name: text, true, or undefined where neither flag, variable nor default gives one. */
export type FlagValues = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  /** What stands after the name, such as FILE. */
  readonly operands?: string;
  /** Further lines of the command's own help. */
  readonly details?: string;
  readonly flags: Flags;
  /**
   * @param given names of the flags that stand on the command line
   * @returns the exit code
   */
  run(
    values: FlagValues,
    operands: readonly string[],
    context: CommandContext,
    given: ReadonlySet<string>,
  ): Promise<number>;
}

/** A mistake of the caller's: one line on standard error, and exit code 2. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** Reads a command's arguments. @throws UsageError */
export function readFlags(
  command: Command,
  args: readonly string[],
  env: CommandContext["env"],
): { values: FlagValues; operands: string[]; given: ReadonlySet<string> } {
  const options = Object.fromEntries(
    Object.entries(command.flags).map(([name, { type }]) => [name, { type }] as const),
  );
  let parsed: { values: Record<string, unknown>; positionals: string[] };
  try {
    parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
  } catch (error) {
    // Node's message goes on with advice that does not fit a command line of ours.
    throw new UsageError((error as Error).message.split(/[.\n]/)[0]);
  }
  const values: Record<string, string | boolean | undefined> = {};
  for (const [name, flag] of Object.entries(command.flags)) {
    const given = parsed.values[name] as string | boolean | undefined;
    values[name] = given ?? (flag.env === undefined ? undefined : env[flag.env] || undefined) ?? flag.default;
  }
  return { values, operands: parsed.positionals, given: new Set(Object.keys(parsed.values)) };
}

/** A flag's whole number. @throws UsageError beyond its bounds */
export function wholeNumber(values: FlagValues, name: string, least: number, greatest: number): number {
  const text = String(values[name]);
  const number = Number(text);
  if (!/^\d+$/.test(text) || number < least || number > greatest) {
    throw new UsageError(`--${name} must be a whole number from ${least} to ${greatest}, not "${text}"`);
  }
  return number;
}

/** A flag's value, one of several words. @throws UsageError */
export function oneOf<T extends string>(values: FlagValues, name: string, words: readonly T[]): T {
  const word = words.find((candidate) => candidate === values[name]);
  if (word === undefined) {
    throw new UsageError(`--${name} must be one of ${words.join(", ")}, not "${values[name]}"`);
  }
  return word;
}

/** The help of one command. */
export function commandHelp(name: string, summary: string, command: Command): string {
  const rows = Object.entries(command.flags).map(([name, flag]) => {
    const notes = [
      flag.default === undefined ? "" : `default ${flag.default}`,
      flag.env === undefined ? "" : `or ${flag.env}`,
    ].filter((note) => note !== "");
    const left = flag.type === "string" ? `--${name} ${flag.value ?? "VALUE"}` : `--${name}`;
    return [left, flag.summary + (notes.length > 0 ? ` (${notes.join("; ")})` : "")] as const;
  });
  return [
    `Usage: weir ${name}${command.operands === undefined ? "" : ` ${command.operands}`} [flags]`,
    "",
    `${summary}.`,
    ...(command.details === undefined ? [] : ["", command.details]),
    ...(rows.length > 0 ? ["", "Flags:", columns(rows)] : []),
    "",
  ].join("\n");
}

/** Two columns, the left one as wide as it must be; whoever sent what stands in them. */
export function columns(rows: readonly (readonly [string, string])[]): string {
  const cells = rows.map(([left, right]) => [printable(left), printable(right)] as const);
  const width = Math.max(...cells.map(([left]) => left.length));
  return cells.map(([left, right]) => `  ${left.padEnd(width)}  ${right}`.trimEnd()).join("\n");
}
