/** Sessions, gathered event by event. */
import { type Event, inOrder } from "./events.ts";

/** A session's events, in order. */
export type Session<E extends Event> = readonly [E, ...E[]];

/** The sessions of all users, in no order of note. */
export function sessionsOf<E extends Event>(events: readonly E[], gapUs: number): Session<E>[] {
  const sessions: [E, ...E[]][] = [];
  /** The last session of a user without ids, and each of those with one. */
  const open = new Map<string, [E, ...E[]]>();
  for (const event of inOrder(events) as E[]) {
    const key = JSON.stringify([event.userId, event.sessionId]);
    const session = open.get(key);
    const goesOn =
      session !== undefined &&
      (event.sessionId !== "" || event.timestampUs - session.at(-1)!.timestampUs <= gapUs);
    if (goesOn) session.push(event);
    else {
      const begun: [E, ...E[]] = [event];
      open.set(key, begun);
      sessions.push(begun);
    }
  }
  return sessions;
}
