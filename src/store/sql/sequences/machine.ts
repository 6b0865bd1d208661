import { createFunnel } from "../../../sequence/funnel.ts";
import { createPaths } from "../../../sequence/paths.ts";
import { createRetention } from "../../../sequence/retention.ts";
import type { CompareCodes, Machine } from "../../../sequence/sequence.ts";
import type { SequenceResult, SequenceTask } from "./plan.ts";

/** The state machine of a task. */
export function createMachine(task: SequenceTask, compareCodes: CompareCodes): Machine<SequenceResult> {
  switch (task.kind) {
    case "funnel": {
      const { breakdown: limit, ...question } = task.question;
      return createFunnel(
        limit === undefined ? question : { ...question, breakdown: { limit, compareCodes } },
      );
    }
    case "retention":
      return createRetention(task.question);
    case "paths":
      return createPaths({ ...task.question, names: { limit: task.question.names, compareCodes } });
  }
}
