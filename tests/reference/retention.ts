/** Retention word by word as SEMANTICS defines it, in plain loops: every cell of every user is looked up by itself. */
import { type Event, inOrder, type Predicate } from "./events.ts";

export interface Retention {
  readonly start: Predicate;
  readonly returns: Predicate;
  readonly startUs: number;
  readonly endUs: number;
  /** Starts of the calendar periods from the range's first on, further than any cell. */
  readonly periodStarts: readonly number[];
  readonly cohorts: number;
  readonly periods: number;
  readonly cohortEntry: "first_ever" | "recurring";
  readonly counting: { readonly kind: "calendar" } | { readonly kind: "rolling"; readonly unitUs: number };
  readonly returnRule: "on" | "on_or_after";
}

/** A user in a cohort, by the start event. */
interface Entry {
  readonly events: readonly Event[];
  readonly start: Event;
}

export function retention(events: readonly Event[], question: Retention) {
  const { periods } = question;
  return Array.from({ length: question.cohorts }, (_, cohort) => {
    const entries = [...new Set(events.map((event) => event.userId))].flatMap((user) =>
      entryOf(inOrder(events.filter((event) => event.userId === user)), cohort, question),
    );
    const retained = Array.from(
      { length: periods + 1 },
      (_, cell) => entries.filter((entry) => isRetained(entry, cell, cohort, question)).length,
    );
    const lastStartUs = Math.max(...entries.map(({ start }) => start.timestampUs));
    return { size: entries.length, retained, ...(entries.length > 0 ? { lastStartUs } : {}) };
  });
}

/** The user's entry into a cohort, or none. */
function entryOf(user: readonly Event[], cohort: number, question: Retention): Entry[] {
  const starts = user.filter(question.start);
  const inRange = (event: Event) =>
    event.timestampUs >= question.startUs && event.timestampUs < question.endUs;
  const start =
    question.cohortEntry === "first_ever"
      ? starts.slice(0, 1).find((event) => inRange(event) && periodOf(event, question) === cohort)
      : starts.find((event) => inRange(event) && periodOf(event, question) === cohort);
  return start ? [{ events: user, start }] : [];
}

function isRetained({ events, start }: Entry, cell: number, cohort: number, question: Retention): boolean {
  return events.some((event) => {
    if (event === start || event.timestampUs < start.timestampUs || !question.returns(event)) return false;
    const { counting } = question;
    const at =
      counting.kind === "calendar"
        ? periodOf(event, question) - cohort
        : Math.floor((event.timestampUs - start.timestampUs) / counting.unitUs);
    return question.returnRule === "on" ? at === cell : at >= cell;
  });
}

/** Number of the period that holds an event; -1 before the first. */
function periodOf(event: Event, { periodStarts }: Retention): number {
  return periodStarts.findLastIndex((start) => start <= event.timestampUs);
}
