import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createSessionList } from "../../src/sequence/session-list.ts";
import { createSessions } from "../../src/sequence/sessions.ts";
import { byBytes, type Event } from "../reference/events.ts";
import * as reference from "../reference/sessions.ts";
import { answer, feed, minuteUs, numRuns, parseEvents, randomEvents } from "../support/sequences.ts";

/** The machine's counts, in the reference's shape. */
function count(events: readonly Event[], question: reference.SessionCounts, chunk: number) {
  const { group, limit, ...rest } = question;
  const rows = feed(events, chunk, group ? { value: group } : {});
  const machine = createSessions({
    ...rest,
    ...(group ? { groups: { limit, compareCodes: rows.compareCodes } } : {}),
  });
  const { groups, other, ...all } = answer(machine, rows);
  return {
    ...all,
    groups: groups.map(({ code, total, buckets }) => ({
      value: rows.texts[code]!,
      total,
      buckets: [...buckets],
    })),
    ...(other ? { other: { total: other.total, buckets: [...other.buckets] } } : {}),
  };
}

function list(events: readonly Event[], { gapUs, limit }: { gapUs: number; limit: number }, chunk: number) {
  const rows = feed(events, chunk, {});
  const { sessions, ...all } = answer(
    createSessionList({ gapUs, limit, compareCodes: rows.compareCodes }),
    rows,
  );
  return {
    ...all,
    sessions: sessions.map(({ code, ...rest }) => ({ sessionId: rows.texts[code]!, ...rest })),
  };
}

const gapUs = 30 * minuteUs;
const minutes = (text: string, sessionId = "") => parseEvents(text, "u", sessionId);
const byGap = minutes("A0 A30 A60.001 A90.001");

describe("sessions", () => {
  it("begin anew after more than the gap, not after exactly the gap", () => {
    const { total, sessions } = list(byGap, { gapUs, limit: 5 }, 2);
    expect(total).toBe(2);
    expect(
      sessions.map(({ startUs, endUs, events }) => [startUs / minuteUs, endUs / minuteUs, events]),
    ).toEqual([
      [60.001, 90.001, 2],
      [0, 30, 2],
    ]);
  });

  it("go by their session_id whatever the gaps, and leave the gaps of the others alone", () => {
    const events = [...minutes("A0 A31"), ...minutes("B15 B500", "s").map((e) => ({ ...e, id: `s${e.id}` }))];
    const { total, lengthUs, sessions } = list(events, { gapUs, limit: 2 }, 3);
    expect({ total, lengthUs }).toEqual({ total: 3, lengthUs: 485 * minuteUs });
    expect(sessions.map(({ sessionId, startUs }) => [sessionId, startUs / minuteUs])).toEqual([
      ["", 31],
      ["s", 15],
    ]);
  });

  it("count in the bucket and the group of their first event", () => {
    const question = {
      gapUs,
      bucketStarts: [0, 20 * minuteUs],
      group: (event: Event) => event.name,
      limit: 1,
    };
    expect(count(minutes("A10 B25 B70"), question, 2)).toEqual({
      total: 2,
      lengthUs: 15 * minuteUs,
      groups: [{ value: "A", total: 1, buckets: [1, 0] }],
      other: { total: 1, buckets: [0, 1] },
    });
  });

  it("count nothing as one group of 0, and refuse rows before the first bucket", () => {
    expect(count([], { gapUs, bucketStarts: [0, 5], limit: 1 }, 1)).toEqual({
      total: 0,
      lengthUs: 0,
      groups: [{ value: "", total: 0, buckets: [0, 0] }],
    });
    expect(() => count(byGap, { gapUs, bucketStarts: [1], limit: 1 }, 1)).toThrow(RangeError);
  });

  it("agree with those found in plain loops", () => {
    const events = randomEvents({
      maxLength: 30,
      time: fc.oneof(fc.integer({ min: 0, max: 40 }), fc.integer({ min: 0, max: 5 })),
      names: ["A", "B", "\uffff", "\u{10000}"],
    });
    const questions = fc
      .record({
        gapUs: fc.integer({ min: 0, max: 5 }),
        bucketStarts: fc
          .uniqueArray(fc.integer({ min: 1, max: 40 }), { maxLength: 6 })
          .map((starts) => [0, ...starts.toSorted((a, b) => a - b)]),
        group: fc.constantFrom(
          undefined,
          (event: Event) => event.name,
          (event: Event) => event.properties.plan!,
        ),
        limit: fc.integer({ min: 1, max: 4 }),
      })
      .map(({ group, ...rest }) => (group ? { ...rest, group } : rest));
    fc.assert(
      fc.property(events, questions, fc.integer({ min: 1, max: 8 }), (all, question, size) => {
        expect(count(all, question, size)).toEqual(reference.sessionCounts(all, question));
        const sessions = reference
          .sessionsOf(all, question.gapUs)
          .map((session) => ({
            sessionId: session[0]!.sessionId,
            startUs: session[0]!.timestampUs,
            endUs: session.at(-1)!.timestampUs,
            events: session.length,
            userId: session[0]!.userId,
          }))
          // Ties across users are in no order, and no one asks for them.
          .filter(({ userId }) => userId === "u")
          .sort((a, b) => b.startUs - a.startUs || byBytes(a.sessionId, b.sessionId))
          .map(({ userId: _, ...session }) => session);
        const own = all.filter(({ userId }) => userId === "u");
        expect(list(own, question, size)).toEqual({
          total: sessions.length,
          lengthUs: sessions.reduce((sum, { startUs, endUs }) => sum + endUs - startUs, 0),
          sessions: sessions.slice(0, question.limit),
        });
      }),
      { numRuns },
    );
  });
});
