import { DuckDBUUIDValue } from "@duckdb/node-api";

/** Position of "-" in the canonical text of a UUID. */
const dashes = new Set([8, 13, 18, 23]);

/**
 * A UUID takes 16 bytes in a column of its own type, half of what its text takes compressed. Only the canonical text,
 * lower case with four dashes, is one here: it is the one that comes back the same.
 */
export function uuidOf(id: string): DuckDBUUIDValue | undefined {
  if (id.length !== 36) return undefined;
  for (let i = 0; i < 36; i++) {
    const code = id.charCodeAt(i);
    const isDigit = (code >= 48 && code <= 57) || (code >= 97 && code <= 102);
    if (dashes.has(i) ? code !== 45 : !isDigit) return undefined;
  }
  return DuckDBUUIDValue.fromUint128(BigInt(`0x${id.replaceAll("-", "")}`));
}
