import { PathsAfter } from "./paths/after.ts";
import { PathsBefore } from "./paths/before.ts";
import { InstantByName } from "./paths/instant.ts";
import type { PathRecorder } from "./paths/recorder.ts";
import { PathsTally } from "./paths/tally.ts";
import type { Machine, PathsAnswer, PathsQuestion, Rows } from "./sequence.ts";
import { SessionTracker } from "./sessions/tracker.ts";

/**
 * Counts the ways that sessions take from or to an anchor. Memory: a count for each pair of names at neighbouring
 * levels, and of the user at hand the path of each session and the events of one instant.
 *
 * @throws RangeError for a question that the types allow and the definition does not
 */
export function createPaths(question: PathsQuestion): Machine<PathsAnswer> {
  const { direction, anchored, scope, depth, keepRepeats, names } = question;
  if (!(depth >= 1 && depth <= 10)) throw new RangeError("paths have a depth of 1 to 10");
  if (!(names.limit >= 1)) throw new RangeError("a level has at least one name");
  const tracker = scope === "user" ? undefined : new SessionTracker(scope);
  const recorder: PathRecorder =
    direction === "after" ? new PathsAfter(depth + 1, keepRepeats) : new PathsBefore(depth + 1, keepRepeats);
  const record = recorder.record.bind(recorder);
  const instant = new InstantByName(names.compareCodes);
  const tally = new PathsTally(question);
  const add = tally.add.bind(tally);
  let user: number | undefined;
  let time = 0;
  /** The first event of the instant at hand, and how many it has; two or more are all in `instant`. */
  let size = 0;
  let session = 0;
  let name = 0;
  let matches = false;

  function endInstant() {
    if (size === 1) recorder.record(session, name, matches);
    else if (size > 1) instant.drain(record);
    size = 0;
  }

  function endUser() {
    endInstant();
    recorder.forEach(add);
    recorder.clear();
    tracker?.begin();
  }

  return {
    push({ length, users, times, masks, values, sessions }: Rows) {
      for (let i = 0; i < length; i++) {
        if (users[i] !== user) {
          endUser();
          user = users[i]!;
        } else if (times[i] !== time) {
          endInstant();
        }
        time = times[i]!;
        if (size === 1) instant.add(name, session, matches);
        session = tracker ? tracker.numberOf(time, sessions ? sessions[i]! : 0) : 0;
        name = values ? values[i]! : 0;
        matches = !anchored || (masks[i]! & 1) !== 0;
        if (size > 0) instant.add(name, session, matches);
        size++;
      }
    },
    finish() {
      endUser();
      user = undefined;
      return tally.finish();
    },
  };
}
