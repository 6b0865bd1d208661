/** How questions about the order of a user's events are answered: a feed, and what a state machine does with it. */
import type * as sequence from "../../../sequence/sequence.ts";
import type { SequenceAnswer, SequenceQuestion } from "../../sequences.ts";
import type { SqlEngine } from "../engine.ts";
import type { Feed } from "./feed.ts";
import { funnel } from "./funnel.ts";
import { paths } from "./paths.ts";
import { recurringRetention } from "./retention.ts";

/** What each kind of machine is asked, as plain data, and what it answers. Codes compare as numbers. */
export interface Machines {
  funnel: { question: Codes<sequence.FunnelQuestion, "breakdown">; answer: sequence.FunnelAnswer };
  retention: { question: sequence.RetentionQuestion; answer: sequence.RetentionAnswer };
  paths: { question: Codes<sequence.PathsQuestion, "names">; answer: sequence.PathsAnswer };
}

/** A question whose ranking is given by its limit alone. */
type Codes<Q, K extends keyof Q> = Omit<Q, K> & {
  readonly [key in K]: undefined extends Q[K] ? number | undefined : number;
};

export type SequenceTask = {
  readonly [K in keyof Machines]: { readonly kind: K; readonly question: Machines[K]["question"] };
}[keyof Machines];
export type SequenceResult = Machines[keyof Machines]["answer"];

export interface SequencePlan<K extends keyof Machines, A> {
  readonly feed: Feed;
  readonly task: SequenceTask & { readonly kind: K };
  /** @param texts of the codes */
  read(result: Machines[K]["answer"], texts: readonly string[]): A;
}

export function planSequence<Q extends SequenceQuestion>(
  engine: SqlEngine,
  question: Q,
): SequencePlan<keyof Machines, SequenceAnswer<Q>> {
  return planOf(engine, question) as SequencePlan<keyof Machines, SequenceAnswer<Q>>;
}

function planOf(engine: SqlEngine, question: SequenceQuestion) {
  switch (question.kind) {
    case "funnel":
      return funnel(engine, question);
    case "recurring_retention":
      return recurringRetention(engine, question);
    case "paths":
      return paths(engine, question);
  }
}
