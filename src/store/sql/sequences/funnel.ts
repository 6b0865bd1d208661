import type { EventMatch } from "../../questions.ts";
import type { FunnelAnswer, FunnelQuestion } from "../../sequences.ts";
import { dimensionText } from "../dimension.ts";
import type { SqlEngine } from "../engine.ts";
import { surelyApart, surelySame } from "../match.ts";
import { createFeed } from "./feed.ts";
import type { SequencePlan } from "./plan.ts";

export function funnel(engine: SqlEngine, question: FunnelQuestion): SequencePlan<"funnel", FunnelAnswer> {
  const { selection, steps, windowUs, order, entry, exclusions, breakdown, groupLimit } = question;
  const { startUs, endUs } = selection;
  // Later steps may lie after the range's end, within the window, its last instant included.
  const { endUs: _, ...open } = selection;
  const strict = order === "strict";
  const feed = createFeed(engine, {
    selection: endUs === undefined ? open : { ...open, endUs: endUs + windowUs + 1 },
    matches: steps,
    excluded: exclusions.map(({ event }) => event),
    ...(breakdown ? { value: dimensionText(engine, breakdown) } : {}),
    matchedOnly: !strict,
    byId: strict || breakdown !== undefined || !disjoint(steps),
  });
  return {
    feed,
    task: {
      kind: "funnel",
      question: {
        steps: steps.length,
        windowUs,
        order,
        entry,
        exclusions: exclusions.map(({ event: _event, ...between }) => between),
        breakdown: breakdown ? groupLimit : undefined,
        ...(startUs === undefined ? {} : { startUs }),
        ...(endUs === undefined ? {} : { endUs }),
      },
    },
    read: ({ groups, ...rest }, texts) => ({
      ...rest,
      groups: groups.map((group) => ({ value: texts[group.code]!, steps: group.steps })),
    }),
  };
}

/**
 * Whether any two events that match a step match the same steps, or no step together. Then events of one instant that
 * match the same steps stand for each other, and attempts that begin at one instant differ in nothing.
 */
function disjoint(steps: readonly EventMatch[]): boolean {
  return steps.every((a, i) => steps.slice(i + 1).every((b) => surelySame(a, b) || surelyApart(a, b)));
}
