import type { SqlEngine } from "./engine.ts";
import { type Fragment, render, type Statement } from "./fragment.ts";

/** Column of a result: numbers with NaN for NULL, texts, or maps. */
export type Column =
  | Float64Array
  | readonly (string | null)[]
  | readonly Readonly<Record<string, string | number>>[];

/** Result of one statement. Without rows an engine may leave the columns out. */
export interface Table {
  readonly rowCount: number;
  readonly columns: readonly Column[];
}

/** How a question is answered: statements to run on one state of the data, and what their results say. */
export interface Plan<A> {
  readonly statements: readonly Statement[];
  read(tables: readonly Table[]): A;
}

export function plan<A>(
  engine: SqlEngine,
  fragments: readonly Fragment[],
  read: (tables: readonly Table[]) => A,
): Plan<A> {
  const placeholder: SqlEngine["placeholder"] = (index, type) => engine.placeholder(index, type);
  return { statements: fragments.map((fragment) => render(fragment, placeholder)), read };
}

const noNumbers = new Float64Array();

export function numbers(table: Table | undefined, column: number): Float64Array {
  return (table?.columns[column] ?? noNumbers) as Float64Array;
}

export function texts(table: Table | undefined, column: number): readonly (string | null)[] {
  return (table?.columns[column] ?? []) as readonly (string | null)[];
}

export function maps<T extends string | number>(
  table: Table | undefined,
  column: number,
): readonly Readonly<Record<string, T>>[] {
  return (table?.columns[column] ?? []) as readonly Readonly<Record<string, T>>[];
}

/** Integers 0 to count - 1, mapped. */
export function rows<T>(table: Table | undefined, row: (index: number) => T): T[] {
  return Array.from({ length: table?.rowCount ?? 0 }, (_, index) => row(index));
}
