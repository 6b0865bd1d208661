/**
 * Questions about the order of a user's events, which state machines answer (src/sequence) over rows that the store
 * feeds them, and their answers: plain data, the same for every engine. Times are microseconds since 1970.
 */
import type * as sequence from "../sequence/sequence.ts";
import type { FunnelOrder, FunnelStep, RetentionAnswer } from "../sequence/sequence.ts";
import type { Dimension, EventMatch, RetentionTerms, Selection } from "./questions.ts";

export type { Durations, FunnelStep } from "../sequence/sequence.ts";

/** How far users get through 2 to 20 steps. The selection's range bounds an attempt's start only. */
export interface FunnelQuestion {
  readonly kind: "funnel";
  readonly selection: Selection;
  readonly steps: readonly EventMatch[];
  readonly windowUs: number;
  readonly order: FunnelOrder;
  readonly entry: "every" | "first";
  /** Each holds from the event of step `from` (default 1) to that of step `to` (default the last). */
  readonly exclusions: readonly {
    readonly event: EventMatch;
    readonly from?: number;
    readonly to?: number;
  }[];
  readonly breakdown?: Dimension;
  /** How many groups, 1 to 1,000. */
  readonly groupLimit: number;
}

export interface FunnelAnswer {
  /** Step i + 1 stands at index i. */
  readonly steps: readonly FunnelStep[];
  /** Ranked by the users of step 1, then by bytes. */
  readonly groups: readonly { readonly value: string; readonly steps: readonly FunnelStep[] }[];
  /** All groups beyond the limit as one; absent where there are none. */
  readonly other?: readonly FunnelStep[];
}

/** A user enters the cohort of every period in which they have a start event inside the range. */
export interface RecurringRetentionQuestion extends RetentionTerms {
  readonly kind: "recurring_retention";
}

/** Which ways sessions (or users) take from or to an event. */
export interface PathsQuestion extends Omit<sequence.PathsQuestion, "anchored" | "names"> {
  readonly kind: "paths";
  readonly selection: Selection;
  /** Absent: the first event (before: the last one). */
  readonly anchor?: EventMatch;
  /** How many names a level has besides other, 1 to 1,000. */
  readonly limit: number;
}

/** As the machine answers, nodes of the same level and as many sessions going by the bytes of their name. */
export interface PathsAnswer extends Omit<sequence.PathsAnswer, "nodes"> {
  readonly nodes: readonly PathNode[];
}

export interface PathNode extends Omit<sequence.PathNode, "code"> {
  /** Absent for other. */
  readonly name?: string;
}

/** Question and answer by kind. */
export interface Sequences {
  funnel: { question: FunnelQuestion; answer: FunnelAnswer };
  recurring_retention: { question: RecurringRetentionQuestion; answer: RetentionAnswer };
  paths: { question: PathsQuestion; answer: PathsAnswer };
}

export type SequenceQuestion = Sequences[keyof Sequences]["question"];
export type SequenceAnswer<Q extends SequenceQuestion> = Sequences[Q["kind"]]["answer"];
