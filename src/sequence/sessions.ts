import { Counter } from "./counter.ts";
import { intervalAt } from "./intervals.ts";
import { rankCodes } from "./rank.ts";
import type { Machine, Rows, SessionGroup, SessionsAnswer, SessionsQuestion } from "./sequence.ts";
import { SessionTracker } from "./sessions/tracker.ts";

/**
 * Counts sessions by the bucket and the group of their first event. Memory: a cell for each group and bucket that has
 * sessions, and of the user at hand a time for each session.
 */
export function createSessions(question: SessionsQuestion): Machine<SessionsAnswer> {
  const { bucketStarts = [-Infinity], groups } = question;
  const buckets = bucketStarts.length;
  const tracker = new SessionTracker(question);
  /** Times of the last rows of the user's sessions. */
  const lastUs: number[] = [];
  /** Sessions by code * buckets + bucket. */
  const cells = new Counter();
  let total = 0;
  let lengthUs = 0;
  let user: number | undefined;
  let bucket = -1;

  function first(timeUs: number, code: number) {
    bucket = intervalAt(bucketStarts, timeUs, bucket);
    if (bucket < 0) throw new RangeError("a row lies before the first bucket");
    cells.add(code * buckets + bucket);
    total++;
  }

  return {
    push({ length, users, times, values, sessions }: Rows) {
      for (let i = 0; i < length; i++) {
        if (users[i] !== user) {
          user = users[i]!;
          tracker.begin();
          lastUs.length = 0;
          bucket = -1;
        }
        const timeUs = times[i]!;
        const session = tracker.numberOf(timeUs, sessions ? sessions[i]! : 0);
        if (session === lastUs.length) first(timeUs, groups && values ? values[i]! : 0);
        else lengthUs += timeUs - lastUs[session]!;
        lastUs[session] = timeUs;
      }
    },
    finish() {
      const totals = new Map<number, number>(groups ? [] : [[0, 0]]);
      cells.forEach((key, count) => {
        const code = Math.floor(key / buckets);
        totals.set(code, (totals.get(code) ?? 0) + count);
      });
      const ranked = rankCodes(totals, groups ?? { limit: 1, compareCodes: (a, b) => a - b });
      const listed: SessionGroup[] = ranked.map((code) => ({
        code,
        total: totals.get(code)!,
        buckets: new Float64Array(buckets),
      }));
      const byCode = new Map(listed.map((group) => [group.code, group]));
      const other = { total, buckets: new Float64Array(buckets) };
      for (const group of listed) other.total -= group.total;
      cells.forEach((key, count) => {
        const group = byCode.get(Math.floor(key / buckets)) ?? other;
        group.buckets[key % buckets]! += count;
      });
      return { total, lengthUs, groups: listed, ...(other.total > 0 ? { other } : {}) };
    },
  };
}
