/**
 * Questions about the order of a user's events, which state machines answer (src/sequence) over rows that the store
 * feeds them, and their answers: plain data, the same for every engine. Times are microseconds since 1970.
 */
import type { Filter } from "../filter/filter.ts";
import type { FunnelOrder, FunnelStep } from "../sequence/sequence.ts";
import type { Dimension, Selection } from "./questions.ts";

export type { Durations, FunnelStep } from "../sequence/sequence.ts";

/** Events of a name, those that pass a filter, or those that do both; of neither: every event. */
export interface EventMatch {
  /** Empty: any name. */
  readonly name: string;
  readonly filter?: Filter;
}

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

/** Question and answer by kind. */
export interface Sequences {
  funnel: { question: FunnelQuestion; answer: FunnelAnswer };
}

export type SequenceQuestion = Sequences[keyof Sequences]["question"];
export type SequenceAnswer<Q extends SequenceQuestion> = Sequences[Q["kind"]]["answer"];
