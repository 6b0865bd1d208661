import type { MapField } from "../../filter/filter.ts";
import { compareUtf8 } from "../../filter/order.ts";
import { type Fragment, join, sql, text, trusted } from "../sql/fragment.ts";
import type { SqlTexts } from "../sql/texts.ts";
import { columnsOf, type Layout } from "./layout.ts";

/** How DuckDB writes the values of a row of `events` whose frequent keys have the columns of the layout. */
export function createDuckdbTexts(layout: Layout): SqlTexts {
  return {
    jsonText,
    jsonMap: (map) => {
      const entries = sql`CAST(to_json(map_from_entries(${sortedEntries(layout, map)})) AS VARCHAR)`;
      return sql`CASE WHEN ${hasColumnsAlone(map)} THEN ${jsonOfColumns(layout, map)} ELSE ${entries} END`;
    },
    rfc3339: (us) => sql`strftime(make_timestamp(${us}), '%Y-%m-%dT%H:%M:%S.%fZ')`,
    utf8: (value) => sql`encode(${value})`,
  };
}

/** All that the row has of the map, as one map whose keys are ordered by their bytes. */
export function mapColumn(layout: Layout, map: MapField): Fragment {
  const type = trusted(map === "properties" ? "MAP(VARCHAR, VARCHAR)" : "MAP(VARCHAR, DOUBLE)");
  // Four times as fast as a map of lists without what is missing.
  const ofColumns = sql`CAST(CAST(${jsonOfColumns(layout, map)} AS JSON) AS ${type})`;
  const whole = sql`map_from_entries(${sortedEntries(layout, map)})`;
  return sql`CASE WHEN ${hasColumnsAlone(map)} THEN ${ofColumns} ELSE ${whole} END`;
}

function jsonText(value: Fragment): Fragment {
  return sql`CAST(to_json(${value}) AS VARCHAR)`;
}

/** Whether the row keeps nothing in the map itself. */
function hasColumnsAlone(map: MapField): Fragment {
  return sql`cardinality(${trusted(map)}) = 0`;
}

/** A JSON object of what the row keeps in columns. A missing key is NULL all in all, which `concat` passes over. */
function jsonOfColumns(layout: Layout, map: MapField): Fragment {
  const members = inOrder(layout, map).map(
    ({ key, name }) => sql`',' || ${jsonText(sql`${text(key)}`)} || ':' || ${jsonText(trusted(name))}`,
  );
  return members.length === 0 ? sql`'{}'` : sql`'{' || substr(concat(${join(members, ", ")}), 2) || '}'`;
}

/** The row's keys and values as a list of structs, what stands in columns among it. */
function sortedEntries(layout: Layout, map: MapField): Fragment {
  const inMap = sql`map_entries(${trusted(map)})`;
  const columns = inOrder(layout, map);
  if (columns.length === 0) return sql`list_sort(${inMap})`;
  const entries = columns.map(
    ({ key, name }) => sql`struct_pack(key := ${text(key)}, value := ${trusted(name)})`,
  );
  const present = sql`list_filter([${join(entries, ", ")}], lambda e: e.value IS NOT NULL)`;
  return sql`list_sort(list_concat(${inMap}, ${present}))`;
}

function inOrder(layout: Layout, map: MapField) {
  return columnsOf(layout, map).sort((a, b) => compareUtf8(a.key, b.key));
}
