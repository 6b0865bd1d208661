import type { PathsAnswer, PathsQuestion } from "../../sequences.ts";
import type { SqlEngine } from "../engine.ts";
import { createFeed } from "./feed.ts";
import type { SequencePlan } from "./plan.ts";

export function paths(engine: SqlEngine, question: PathsQuestion): SequencePlan<"paths", PathsAnswer> {
  const { selection, anchor, direction, scope, depth, limit, keepRepeats } = question;
  return {
    feed: createFeed(engine, {
      selection,
      matches: anchor ? [anchor] : [],
      value: engine.textField("name"),
      sessions: scope !== "user",
      matchedOnly: false,
      // Of one instant events come by name. Those of one name differ only in whether they match the anchor, and repeats that become one do not tell.
      byId: keepRepeats && anchor?.filter !== undefined,
    }),
    task: {
      kind: "paths",
      question: { direction, anchored: anchor !== undefined, scope, depth, keepRepeats, names: limit },
    },
    read: ({ nodes, ...rest }, texts) => ({
      ...rest,
      nodes: nodes.map(({ code, ...node }) => ({
        ...node,
        ...(code === undefined ? {} : { name: texts[code]! }),
      })),
    }),
  };
}
