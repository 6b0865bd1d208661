/** Settings of ClickHouse that statements rely on, beyond its defaults. */
import type { ClickHouseSettings } from "@clickhouse/client";

/** Bytes of one statement's text; the largest filters and lists of ids stay far below. */
const maxStatementBytes = 64 * 1024 ** 2;

/** What makes ClickHouse's SQL mean what the shared statements mean. */
export const querySettings: ClickHouseSettings = {
  // NULL where SQL says so: of aggregates over no rows, of a join without a partner, of a grouping's other columns.
  aggregate_functions_null_for_empty: 1,
  join_use_nulls: 1,
  group_by_use_nulls: 1,
  // `min(t) AS t` beside `max(t)`: the second t is the column.
  prefer_column_name_to_alias: 1,
  // All of a statement sees one state of a table.
  enable_shared_storage_snapshot_in_query: 1,
  // What is ordered in a subquery may be gathered in that order.
  query_plan_remove_redundant_sorting: 0,
  output_format_json_escape_forward_slashes: 0,
  max_query_size: String(maxStatementBytes),
  max_parser_depth: "10000",
  max_ast_depth: "10000",
  max_ast_elements: "1000000",
  max_expanded_ast_elements: "10000000",
  // An error comes as a status, not in the middle of an answer.
  wait_end_of_query: 1,
};

/** One insert is one step: a part for each month of received times, none of them later than its answer. */
export const insertSettings: ClickHouseSettings = {
  async_insert: 0,
  max_insert_threads: "1",
  max_insert_block_size: "10000000",
  min_insert_block_size_rows: "10000000",
  min_insert_block_size_bytes: String(1024 ** 3),
  // A foreign record may say of itself that it was received in any month.
  max_partitions_per_insert_block: "0",
  max_query_size: String(maxStatementBytes),
  wait_end_of_query: 1,
};
