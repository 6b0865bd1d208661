/** Sessions word by word as SEMANTICS defines them, in plain loops. */
import { byBytes, type Event, inOrder } from "./events.ts";

/** The sessions of all users, each as its events in order. */
export function sessionsOf(events: readonly Event[], gapUs: number): Event[][] {
  return [...new Set(events.map((event) => event.userId))].flatMap((user) => {
    const own = inOrder(events.filter((event) => event.userId === user));
    const ids = [...new Set(own.map((event) => event.sessionId))].filter((id) => id !== "");
    const sessions = ids.map((id) => own.filter((event) => event.sessionId === id));
    let before: Event | undefined;
    for (const event of own.filter(({ sessionId }) => sessionId === "")) {
      if (before && event.timestampUs - before.timestampUs <= gapUs) sessions.at(-1)!.push(event);
      else sessions.push([event]);
      before = event;
    }
    return sessions;
  });
}

export function lengthUs(session: readonly Event[]): number {
  return session.at(-1)!.timestampUs - session[0]!.timestampUs;
}

export interface SessionCounts {
  readonly gapUs: number;
  readonly bucketStarts: readonly number[];
  readonly group?: (event: Event) => string;
  readonly limit: number;
}

/** Sessions by the bucket and the group of their first event. */
export function sessionCounts(events: readonly Event[], question: SessionCounts) {
  const { gapUs, bucketStarts, group, limit } = question;
  const sessions = sessionsOf(events, gapUs);
  const groupOf = (session: readonly Event[]) => (group ? group(session[0]!) : "");
  const of = (value: string) => sessions.filter((session) => groupOf(session) === value);
  const values = group ? [...new Set(sessions.map(groupOf))] : [""];
  const listed = values.sort((a, b) => of(b).length - of(a).length || byBytes(a, b)).slice(0, limit);
  const count = (some: readonly Event[][]) => ({
    total: some.length,
    buckets: bucketStarts.map((start, i) => {
      const end = bucketStarts[i + 1] ?? Infinity;
      return some.filter(([first]) => first!.timestampUs >= start && first!.timestampUs < end).length;
    }),
  });
  const rest = sessions.filter((session) => !listed.includes(groupOf(session)));
  return {
    total: sessions.length,
    lengthUs: sessions.reduce((sum, session) => sum + lengthUs(session), 0),
    groups: listed.map((value) => ({ value, ...count(of(value)) })),
    ...(rest.length > 0 ? { other: count(rest) } : {}),
  };
}
