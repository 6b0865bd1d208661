import {
  type DeadLetterPlace,
  deadLetterId,
  encodeReplayField,
  replayIdentity,
} from "../domain/record/dead-letter.ts";
import type { LogAppender, LogRecord } from "../log/log.ts";
import type { Visibility } from "../visibility/visibility.ts";
import type { Sender } from "./admission.ts";
import { appendBy } from "./append.ts";
import { positionsOf } from "./positions.ts";

/** A dead letter that can be decoded. */
export interface Replayable extends DeadLetterPlace {
  readonly project: string;
  readonly userId: string;
  readonly record: Uint8Array;
}

/**
 * Puts dead letters on the log again, each as its record and the name of what it replays. The log takes each once, and the
 * store applies each once.
 *
 * @returns how many the log did not have yet, and the token of all
 * @throws WeirError as Admission.admit
 */
export type Replay = (
  letters: readonly Replayable[],
  sender: Sender,
) => Promise<{ readonly replayed: number; readonly visibilityToken: string }>;

export function createReplay(options: {
  readonly log: LogAppender;
  readonly visibility: Visibility;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}): Replay {
  const { log, visibility, now } = options;
  return async (letters, sender) => {
    const records = letters.map((letter): LogRecord => {
      const id = deadLetterId(letter);
      return {
        project: letter.project,
        userId: letter.userId,
        id: replayIdentity(id),
        receivedMs: now(),
        requestId: sender.requestId,
        value: [letter.record, encodeReplayField(id)],
      };
    });
    const late = "whether the dead letters are on the log again is unknown: replay them once more";
    const result = await appendBy(log, records, sender, late);
    return {
      replayed: records.length - result.duplicateCount,
      visibilityToken: visibility.tokenFor(sender.project, positionsOf(result)),
    };
  };
}
