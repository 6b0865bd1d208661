/** For each option the values that it may have, where those are few. */
export type KnownOptions<Options> = { readonly [Name in keyof Options]-?: "any" | readonly unknown[] };

/**
 * Refuses options that the type does not know, for callers without types: one that is misspelt would otherwise be
 * ignored in silence, and the default taken for what was asked.
 *
 * @throws TypeError with one line that names the option and what is allowed
 */
export function checkOptions<Options>(options: Options, known: KnownOptions<Options>, prefix = ""): void {
  if (typeof options !== "object" || options === null) {
    throw new TypeError(`options must be an object, not ${written(options)}`);
  }
  for (const [name, value] of Object.entries(options)) {
    if (!Object.hasOwn(known, name)) {
      const all = Object.keys(known).map((each) => prefix + each);
      throw new TypeError(`unknown option ${written(prefix + name)}: the options are ${all.join(", ")}`);
    }
    const values = known[name as keyof Options];
    if (value === undefined || values === "any" || values.includes(value)) continue;
    throw new TypeError(
      `${prefix}${name} must be ${values.map(written).join(" or ")}, not ${written(value)}`,
    );
  }
}

function written(value: unknown): string {
  return typeof value === "string" ? JSON.stringify(value) : String(value);
}
