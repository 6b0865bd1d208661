import type { RetentionAnswer, RetentionTerms } from "../../questions.ts";
import type { RecurringRetentionQuestion } from "../../sequences.ts";
import type { SqlEngine } from "../engine.ts";
import { surelyApart, surelyCovers } from "../match.ts";
import { reachOf } from "../retention.ts";
import { createFeed } from "./feed.ts";
import type { SequencePlan } from "./plan.ts";

export function recurringRetention(
  engine: SqlEngine,
  question: RecurringRetentionQuestion,
): SequencePlan<"retention", RetentionAnswer> {
  const { selection, start, returns, cohorts, periodStarts, periods, counting, returnRule } = question;
  const { startUs, endUs } = selection;
  return {
    feed: createFeed(engine, {
      selection: { ...reachOf(question), startUs },
      matches: [start, returns],
      matchedOnly: true,
      byId: !orderless(question),
    }),
    task: {
      kind: "retention",
      question: { startUs, endUs, cohorts, periodStarts, periods, counting, returnRule },
    },
    read: (result) => result,
  };
}

/**
 * Whether it does not matter which of several start events of one instant is the first: either each is a return too, so
 * that there is a further return or there is none, or none is.
 */
function orderless({ start, returns }: RetentionTerms): boolean {
  return surelyCovers(returns, start) || surelyApart(returns, start);
}
