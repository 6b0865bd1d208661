/**
 * SQL text with bound parameters. Text comes only from template literals in this program's sources; whatever comes from
 * outside is a Param, so that no value can become SQL. A Fragment does not yet know its engine: `render` numbers the
 * parameters and spells them in a dialect.
 */

/** A value to bind, with the type that the engine must see. */
export type Param =
  | { readonly type: "text"; readonly value: string }
  | { readonly type: "double"; readonly value: number }
  | { readonly type: "int64"; readonly value: bigint };

export interface Fragment {
  /** One more than there are parameters: the text before, between and after them. */
  readonly texts: readonly string[];
  readonly params: readonly Param[];
}

export function text(value: string): Param {
  return { type: "text", value };
}

export function double(value: number): Param {
  return { type: "double", value };
}

/** @throws RangeError when `value` is a number that is not whole. */
export function int64(value: number | bigint): Param {
  return { type: "int64", value: BigInt(value) };
}

/** sql`a = ${text("x")} AND ${other}`: composes fragments and parameters; plain values are a type error. */
export function sql(strings: TemplateStringsArray, ...parts: readonly (Fragment | Param)[]): Fragment {
  const texts = [strings[0]!];
  const params: Param[] = [];
  parts.forEach((part, index) => {
    if ("texts" in part) {
      texts[texts.length - 1] += part.texts[0]!;
      for (let i = 1; i < part.texts.length; i++) texts.push(part.texts[i]!);
      for (const param of part.params) params.push(param);
      texts[texts.length - 1] += strings[index + 1]!;
    } else {
      params.push(part);
      texts.push(strings[index + 1]!);
    }
  });
  return { texts, params };
}

/** Text of this program itself, such as a column's name from a fixed list. Never anything from a request. */
export function trusted(text: string): Fragment {
  return { texts: [text], params: [] };
}

/** Fragments or parameters with a separator between them; of none, the empty text. */
export function join(parts: readonly (Fragment | Param)[], separator: string): Fragment {
  const texts = [""];
  const params: Param[] = [];
  parts.forEach((part, index) => {
    if (index > 0) texts[texts.length - 1] += separator;
    if ("texts" in part) {
      texts[texts.length - 1] += part.texts[0]!;
      for (let i = 1; i < part.texts.length; i++) texts.push(part.texts[i]!);
      for (const param of part.params) params.push(param);
    } else {
      params.push(part);
      texts.push("");
    }
  });
  return { texts, params };
}

/** What an engine takes: the text, and the parameters in the order of their numbers. */
export interface Statement {
  readonly sql: string;
  readonly params: readonly Param[];
}

/** @param placeholder spells parameter `index` (from 1) of that type, as SqlDialect does. */
export function render(
  fragment: Fragment,
  placeholder: (index: number, type: Param["type"]) => string,
): Statement {
  let sql = fragment.texts[0]!;
  fragment.params.forEach((param, index) => {
    sql += placeholder(index + 1, param.type) + fragment.texts[index + 1]!;
  });
  return { sql, params: fragment.params };
}
