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
  return compose(parts, (index) => strings[index]!);
}

/** Fragments or parameters with a separator between them; of none, the empty text. */
export function join(parts: readonly (Fragment | Param)[], separator: string): Fragment {
  return compose(parts, (index) => (index === 0 || index === parts.length ? "" : separator));
}

/** Text of this program itself, such as a column's name from a fixed list. Never anything from a request. */
export function trusted(text: string): Fragment {
  return { texts: [text], params: [] };
}

/** @param textBefore the text before part `index`; that after the last part has the index after it. */
function compose(parts: readonly (Fragment | Param)[], textBefore: (index: number) => string): Fragment {
  const texts: string[] = [];
  const params: Param[] = [];
  let text = textBefore(0);
  parts.forEach((part, index) => {
    const inner = "texts" in part ? part : { texts: ["", ""], params: [part] };
    inner.texts.forEach((piece, i) => {
      text += piece;
      if (i < inner.params.length) {
        texts.push(text);
        text = "";
      }
    });
    params.push(...inner.params);
    text += textBefore(index + 1);
  });
  return { texts: [...texts, text], params };
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
