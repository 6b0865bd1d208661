/** The same data with its numbers to 12 digits, since sums come in another order: NaN and -0 stay as they are. */
export function rounded(value: unknown): unknown {
  if (typeof value === "number") return Number(value.toPrecision(12));
  if (value instanceof Float64Array) return Float64Array.from(value, (item) => rounded(item) as number);
  if (Array.isArray(value)) return value.map(rounded);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, rounded(item)]));
}
