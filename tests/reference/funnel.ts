/**
 * Funnels word by word as SEMANTICS defines them, in plain loops over events: every attempt is tried by itself, and
 * which steps events can fill is found by trying all ways.
 */
import { byBytes, type Event, inOrder, type Predicate, quantile } from "./events.ts";

export interface Funnel {
  readonly steps: readonly Predicate[];
  readonly windowUs: number;
  readonly order: "ordered" | "strict" | "any_order";
  readonly entry: "every" | "first";
  readonly exclusions: readonly {
    readonly excludes: Predicate;
    readonly from?: number;
    readonly to?: number;
  }[];
  readonly startUs?: number;
  readonly endUs?: number;
  /** Value of the dimension to break down by. */
  readonly breakdown?: (event: Event) => string;
  readonly limit?: number;
}

/** How far an attempt gets: the time at which it reaches each of its steps. */
export interface Attempt {
  readonly first: Event;
  readonly times: readonly number[];
}

/** The user's result; undefined when no event starts an attempt. */
export function attemptThatCounts(events: readonly Event[], funnel: Funnel): Attempt | undefined {
  const user = inOrder(events);
  const startUs = funnel.startUs ?? -Infinity;
  const endUs = funnel.endUs ?? Infinity;
  const startsAttempt = (event: Event) =>
    event.timestampUs >= startUs &&
    event.timestampUs < endUs &&
    (funnel.order === "any_order" ? funnel.steps.some((step) => step(event)) : funnel.steps[0]!(event));
  let starts = user.filter(startsAttempt);
  if (funnel.entry === "first") starts = starts.slice(0, 1);
  let best: Attempt | undefined;
  for (const first of starts) {
    const times = {
      ordered: orderedAttempt,
      strict: strictAttempt,
      any_order: anyOrderAttempt,
    }[funnel.order](user, first, funnel);
    // Starts come earliest first, equal times by id: only one that gets further is better.
    if (best === undefined || times.length > best.times.length) best = { first, times };
  }
  return best;
}

function orderedAttempt(user: readonly Event[], first: Event, funnel: Funnel): number[] {
  const { steps } = funnel;
  const times = [first.timestampUs];
  for (const timeUs of instants(user, first, funnel)) {
    const here = user.filter((event) => event.timestampUs === timeUs && event !== first);
    // As many of its next steps as distinct events of this instant can fill.
    const before = times.length;
    while (times.length < steps.length && canFill(steps.slice(before, times.length + 1), here)) {
      times.push(timeUs);
    }
    if (times.length === steps.length) break;
    if (timeUs === first.timestampUs) continue;
    const filled = steps.slice(before, times.length);
    const ended = here.some(
      (event) =>
        !filled.some((step) => step(event)) &&
        funnel.exclusions.some(
          ({ excludes, from = 1, to = steps.length }) =>
            from <= times.length && times.length < to && excludes(event),
        ),
    );
    if (ended) break;
  }
  return times;
}

function strictAttempt(user: readonly Event[], first: Event, funnel: Funnel): number[] {
  const { steps } = funnel;
  const times = [first.timestampUs];
  for (let at = user.indexOf(first) + 1; times.length < steps.length && at < user.length; at++) {
    const event = user[at]!;
    if (event.timestampUs > first.timestampUs + funnel.windowUs) break;
    if (!steps[times.length]!(event)) break;
    times.push(event.timestampUs);
  }
  return times;
}

function anyOrderAttempt(user: readonly Event[], first: Event, funnel: Funnel): number[] {
  const { steps } = funnel;
  const times: number[] = [];
  for (const timeUs of instants(user, first, funnel)) {
    const here = user.filter((event) => event.timestampUs === timeUs && event !== first);
    const since = user.filter(
      (event) => event.timestampUs >= first.timestampUs && event.timestampUs <= timeUs && event !== first,
    );
    // The start is one of the events that fill the steps.
    while (times.length < steps.length && canFillAny(steps, times.length + 1, first, since)) {
      times.push(timeUs);
    }
    if (timeUs === first.timestampUs) continue;
    const ended = here.some(
      (event) =>
        !steps.some((step) => step(event)) && funnel.exclusions.some(({ excludes }) => excludes(event)),
    );
    if (ended) break;
  }
  return times;
}

/** The instants of an attempt's window, the start's included. */
function instants(user: readonly Event[], first: Event, { windowUs }: Funnel): number[] {
  const times = user.map((event) => event.timestampUs);
  return [...new Set(times)].filter(
    (time) => time >= first.timestampUs && time <= first.timestampUs + windowUs,
  );
}

/** Whether distinct events fill all these steps. */
function canFill(steps: readonly Predicate[], events: readonly Event[]): boolean {
  const [step, ...others] = steps;
  if (step === undefined) return true;
  return events.some((event) => step(event) && canFill(others, without(events, event)));
}

/** Whether distinct events fill `count` of the steps, `first` being one of them. */
function canFillAny(
  steps: readonly Predicate[],
  count: number,
  first: Event,
  events: readonly Event[],
): boolean {
  return steps.some(
    (step, i) =>
      step(first) &&
      canFillSome(
        steps.filter((_, j) => j !== i),
        count - 1,
        events,
      ),
  );
}

function canFillSome(steps: readonly Predicate[], count: number, events: readonly Event[]): boolean {
  if (count === 0) return true;
  const [step, ...others] = steps;
  if (step === undefined || count > steps.length) return false;
  if (canFillSome(others, count, events)) return true;
  return events.some((event) => step(event) && canFillSome(others, count - 1, without(events, event)));
}

function without(events: readonly Event[], one: Event): Event[] {
  return events.filter((event) => event !== one);
}

export interface FunnelFigures {
  /** By step. */
  readonly steps: readonly {
    readonly users: number;
    readonly fromStart?: Times;
    readonly fromPrevious?: Times;
  }[];
}

export interface Times {
  readonly averageUs: number;
  readonly medianUs: number;
  readonly p90Us: number;
}

export interface FunnelReference extends FunnelFigures {
  readonly groups: readonly (FunnelFigures & { readonly value: string })[];
  readonly other?: FunnelFigures;
}

/** The answer over all users of these events. */
export function funnel(events: readonly Event[], question: Funnel): FunnelReference {
  const counted: Attempt[] = [];
  for (const user of new Set(events.map((event) => event.userId))) {
    const attempt = attemptThatCounts(
      events.filter((event) => event.userId === user),
      question,
    );
    if (attempt) counted.push(attempt);
  }
  const all = figures(counted, question.steps.length);
  const { breakdown } = question;
  if (!breakdown) return { ...all, groups: [] };
  const of = (value: string) => counted.filter(({ first }) => breakdown(first) === value);
  const values = [...new Set(counted.map(({ first }) => breakdown(first)))].sort(
    (a, b) => of(b).length - of(a).length || byBytes(a, b),
  );
  const listed = values.slice(0, question.limit);
  const rest = counted.filter(({ first }) => !listed.includes(breakdown(first)));
  return {
    ...all,
    groups: listed.map((value) => ({ value, ...figures(of(value), question.steps.length) })),
    ...(rest.length > 0 ? { other: figures(rest, question.steps.length) } : {}),
  };
}

function figures(attempts: readonly Attempt[], steps: number): FunnelFigures {
  return {
    steps: Array.from({ length: steps }, (_, i) => {
      const reached = attempts.filter(({ times }) => times.length > i);
      if (i === 0 || reached.length === 0) return { users: reached.length };
      return {
        users: reached.length,
        fromStart: summary(reached.map(({ times }) => times[i]! - times[0]!)),
        fromPrevious: summary(reached.map(({ times }) => times[i]! - times[i - 1]!)),
      };
    }),
  };
}

function summary(durations: readonly number[]): Times {
  const sum = durations.reduce((a, b) => a + b, 0);
  return {
    averageUs: sum / durations.length,
    medianUs: quantile(durations, 0.5),
    p90Us: quantile(durations, 0.9),
  };
}
