import { expect } from "vitest";

/**
 * Expects plain data to be equal, numbers to 1e-9 of the greater: sums come in another order. NaN equals NaN; typed
 * arrays are compared as arrays.
 */
export function expectNearly(actual: unknown, expected: unknown): void {
  expect(near(actual, expected)).toEqual(plain(expected));
}

/** The actual data, with the expected number wherever it has one that is near. */
function near(actual: unknown, expected: unknown): unknown {
  if (typeof actual === "number" && typeof expected === "number") {
    const tolerance = 1e-9 * Math.max(Math.abs(actual), Math.abs(expected));
    return Math.abs(actual - expected) <= tolerance ? expected : actual;
  }
  if (isList(actual))
    return Array.from(actual, (item, i) => near(item, isList(expected) ? expected[i] : null));
  if (!isRecord(actual)) return actual;
  const other = isRecord(expected) ? expected : {};
  return Object.fromEntries(
    Object.entries(actual).map(([key, item]) => [
      key,
      near(item, Object.hasOwn(other, key) ? other[key] : null),
    ]),
  );
}

function plain(data: unknown): unknown {
  if (isList(data)) return Array.from(data, plain);
  if (!isRecord(data)) return data;
  return Object.fromEntries(Object.entries(data).map(([key, item]) => [key, plain(item)]));
}

function isList(data: unknown): data is ArrayLike<unknown> {
  return Array.isArray(data) || data instanceof Float64Array;
}

function isRecord(data: unknown): data is Readonly<Record<string, unknown>> {
  return typeof data === "object" && data !== null;
}
