import type { EventMatcher } from "../../gen/analytics/v1/event_matcher_pb.js";
import { parseFilter } from "../filter/parse.ts";
import type { EventMatch } from "../store/questions.ts";

/**
 * @param path of the matcher in the request
 * @throws WeirError INVALID_ARGUMENT/INVALID_FILTER that names the matcher
 */
export function matchOf({ name, filter }: EventMatcher, path: string): EventMatch {
  return filter.trim() === "" ? { name } : { name, filter: parseFilter(filter, { field: `${path}.filter` }) };
}
