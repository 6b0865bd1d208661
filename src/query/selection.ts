import type { TimeRange } from "../../gen/analytics/v1/common_pb.js";
import type { Call } from "../domain/call.ts";
import { timestampUs } from "../domain/record/flatten.ts";
import { parseFilter } from "../filter/parse.ts";
import type { Selection } from "../store/questions.ts";
import type { Visibility } from "../visibility/visibility.ts";

/** The fields that every analytics request has. */
export interface CommonRequest {
  readonly timeRange?: TimeRange | undefined;
  readonly filter: string;
  readonly minVisibility: readonly string[];
}

/**
 * What the common fields select, once everything that they wait for is visible.
 *
 * @throws WeirError INVALID_ARGUMENT for a filter or token, DEADLINE_EXCEEDED/NOT_YET_VISIBLE
 */
export async function select(request: CommonRequest, call: Call, visibility: Visibility): Promise<Selection> {
  const filter = request.filter.trim() === "" ? undefined : parseFilter(request.filter);
  if (request.minVisibility.length > 0) {
    await visibility.waitForTokens(request.minVisibility, call.principal.project, call);
  }
  const { start, end } = request.timeRange ?? {};
  return {
    project: call.principal.project,
    ...(start ? { startUs: bounded(timestampUs(start)) } : {}),
    ...(end ? { endUs: bounded(timestampUs(end)) } : {}),
    ...(filter ? { filter } : {}),
  };
}

/** No event lies as late, and five years of retention after it are still what a number holds exactly. */
const lastUs = Date.UTC(2250, 0, 1) * 1000;

function bounded(us: number): number {
  return Math.min(us, lastUs);
}
