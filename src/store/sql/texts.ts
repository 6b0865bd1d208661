import type { MapField } from "../../filter/filter.ts";
import type { Fragment } from "./fragment.ts";

/** How an engine writes values as text. */
export interface SqlTexts {
  /** A text as a JSON string. */
  jsonText(value: Fragment): Fragment;
  /** Text of a JSON object of all that the event has of the map, ordered by the bytes of the keys. */
  jsonMap(map: MapField): Fragment;
  /** Microseconds since 1970 in UTC by RFC 3339, always with six digits of a second. */
  rfc3339(us: Fragment): Fragment;
  /** A text's UTF-8, as bytes. */
  utf8(value: Fragment): Fragment;
}
