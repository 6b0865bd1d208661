/**
 * Which records of the log do not count although they can be decoded. Admission has checked what it appended, but where
 * others can write to the log, they may write anything. The store makes dead letters of these, and live streams leave
 * them out, by this one rule.
 */
import { brokenIdentity } from "../identity.ts";
import { partitionOf } from "../partition.ts";
import { isProjectId, projectIdRule } from "../project-id.ts";
import type { FlatRecord } from "./flat-record.ts";
import { type FlatEvent, flatViolations } from "./flatten.ts";

export interface Refusal {
  readonly reason: "INVALID_EVENT" | "WRONG_PARTITION";
  readonly message: string;
}

/** Characters (Unicode code points) of texts, as the contract has them. */
const maxCharacters = { id: 128, userId: 256, sessionId: 128, name: 128, source: 128 };
/** UTF-16 units of a message: a record may break thousands of rules, and its keys may have any length. */
const maxMessage = 1000;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\x00-\x1f\x7f-\x9f]/;

/** Where a record stands. */
export interface Standing {
  readonly partition: number;
  /** How many the log has. */
  readonly partitions: number;
  /** Whether others than this program's admission can write to the log; else only limits are checked, which may change. */
  readonly foreign: boolean;
}

/**
 * Why a record does not count where it stands; undefined where it does. The rules are the contract's as far as they can
 * be told of the flattened event.
 */
export function refusalOf(
  { project, flat, eventBytes }: FlatRecord,
  { partition, partitions, foreign }: Standing,
): Refusal | undefined {
  const { userId } = flat;
  // First, since what stands elsewhere than its user's other events takes no id from them.
  if (foreign && userId !== "") {
    const own = partitionOf(userId, partitions);
    if (own !== partition) {
      const message = `the events of its user belong on partition ${own}, not ${partition}`;
      return { reason: "WRONG_PARTITION", message };
    }
  }
  const problems = flatViolations(flat, eventBytes).map(
    ({ field, message }) => `${field || "event"}: ${message}`,
  );
  if (userId === "") problems.push("user_id: must not be empty");
  if (foreign) {
    if (!isProjectId(project)) problems.push(`project: ${projectIdRule}`);
    checkTexts(flat, problems);
  }
  if (problems.length === 0) return undefined;
  const message = problems.join("; ");
  const shown = message.length > maxMessage ? `${message.slice(0, maxMessage)} …` : message;
  return { reason: "INVALID_EVENT", message: shown };
}

function checkTexts(flat: FlatEvent, problems: string[]): void {
  if (!(flat.receivedUs >= 0 && flat.receivedUs <= Number.MAX_SAFE_INTEGER)) {
    problems.push("received_time: must lie between 1970 and 2255");
  }
  if (flat.id === "") problems.push("id: must not be empty");
  else if (control.test(flat.id)) problems.push("id: must not contain control characters");
  checkLength("id", flat.id, maxCharacters.id, problems);
  const broken = flat.userId === "" ? undefined : brokenIdentity(flat.userId);
  if (broken !== undefined) problems.push(`user_id: ${broken.message}`);
  checkLength("user_id", flat.userId, maxCharacters.userId, problems);
  checkLength("session_id", flat.sessionId, maxCharacters.sessionId, problems);
  checkLength("name", flat.name, maxCharacters.name, problems);
  checkLength("source", flat.source, maxCharacters.source, problems);
}

function checkLength(field: string, text: string, most: number, problems: string[]): void {
  // A text has at most as many characters as UTF-16 units.
  if (text.length <= most || [...text].length <= most) return;
  problems.push(`${field}: must be at most ${most} characters`);
}
