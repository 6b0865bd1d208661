import type { Append } from "./append.ts";

/** Appends in the order in which they came. */
export interface Lane {
  /** The first append that has records in no group yet. */
  head(): Append | undefined;
  /** Removes the head, whose records are all in groups now. */
  shift(): void;
}

/** From this many removed appends on, their places in the array are freed. */
const compactFrom = 1024;

export interface OpenLane extends Lane {
  /** Appends that wait for no answer. */
  readonly unanswered: number;
  push(append: Append): void;
  drain(): Append[];
}

export function createLane(): OpenLane {
  let appends: Append[] = [];
  let first = 0;
  let unanswered = 0;
  return {
    get unanswered() {
      return unanswered;
    },
    push(append) {
      appends.push(append);
      if (append.answer === undefined) unanswered++;
    },
    head: () => appends[first],
    shift() {
      if (appends[first]!.answer === undefined) unanswered--;
      first++;
      if (first >= compactFrom && 2 * first >= appends.length) {
        appends = appends.slice(first);
        first = 0;
      }
    },
    drain() {
      const rest = appends.slice(first);
      appends = [];
      first = 0;
      unanswered = 0;
      return rest;
    },
  };
}
