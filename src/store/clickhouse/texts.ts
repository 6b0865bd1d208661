import type { MapField } from "../../filter/filter.ts";
import { sql, trusted } from "../sql/fragment.ts";
import type { SqlTexts } from "../sql/texts.ts";

/** How ClickHouse writes the values of a row of `events`. */
export function createClickhouseTexts(): SqlTexts {
  return {
    jsonText: (value) => sql`toJSONString(${value})`,
    jsonMap: (map: MapField) => sql`toJSONString(mapSort(${trusted(map)}))`,
    rfc3339: (us) =>
      sql`concat(formatDateTime(fromUnixTimestamp64Micro(${us}, 'UTC'), '%Y-%m-%dT%H:%i:%S.%fZ', 'UTC'))`,
    utf8: (value) => value,
  };
}
