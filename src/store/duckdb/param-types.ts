import { BIGINT, DOUBLE, type DuckDBType, VARCHAR } from "@duckdb/node-api";
import type { Param } from "../sql/fragment.ts";

/** As what DuckDB takes a bound parameter. */
export const paramTypes: Readonly<Record<Param["type"], DuckDBType>> = {
  text: VARCHAR,
  double: DOUBLE,
  int64: BIGINT,
};
