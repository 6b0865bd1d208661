import type { Machine, Rows, Session, SessionListAnswer, SessionListQuestion } from "./sequence.ts";
import { SessionTracker } from "./sessions/tracker.ts";

/** Lists the latest sessions. Memory: each of the sessions of the user at hand, and those listed so far. */
export function createSessionList(question: SessionListQuestion): Machine<SessionListAnswer> {
  const { limit, compareCodes } = question;
  const tracker = new SessionTracker(question);
  let listed: Session[] = [];
  let own: { code: number; startUs: number; endUs: number; events: number }[] = [];
  let total = 0;
  let lengthUs = 0;
  let user: number | undefined;

  function endUser() {
    total += own.length;
    for (const { startUs, endUs } of own) lengthUs += endUs - startUs;
    listed = [...listed, ...own]
      .sort((a, b) => b.startUs - a.startUs || compareCodes(a.code, b.code))
      .slice(0, limit);
    own = [];
    tracker.begin();
  }

  return {
    push({ length, users, times, sessions }: Rows) {
      for (let i = 0; i < length; i++) {
        if (users[i] !== user) {
          endUser();
          user = users[i]!;
        }
        const timeUs = times[i]!;
        const code = sessions ? sessions[i]! : 0;
        const number = tracker.numberOf(timeUs, code);
        const session = own[number];
        if (session === undefined) own.push({ code, startUs: timeUs, endUs: timeUs, events: 1 });
        else {
          session.endUs = timeUs;
          session.events++;
        }
      }
    },
    finish() {
      endUser();
      return { total, lengthUs, sessions: listed };
    },
  };
}
