/** Format of DuckDB's file: of those that this DuckDB writes, the one that packs text fastest. */
export const storageVersion = "v1.5.0";
