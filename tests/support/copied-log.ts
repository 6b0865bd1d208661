/**
 * A log as Kafka's may be: with copies, with what is no event, with events on another user's partition, with replays of dead
 * letters that were on this partition or on another.
 */
import {
  type DeadLetterPlace,
  deadLetterId,
  encodeReplayField,
} from "../../src/domain/record/dead-letter.ts";
import { type Random, randomOf } from "./clickhouse/faults.ts";
import { recordOf, userOn } from "./store.ts";

export interface CopiedLog {
  readonly records: readonly (readonly Uint8Array[])[];
  /** Offsets of each partition whose events count, and those of its dead letters. */
  readonly kept: readonly ReadonlySet<number>[];
  readonly dead: readonly ReadonlySet<number>[];
}

export interface CopiedLogOptions {
  readonly partitions: number;
  /** Records of a partition, and different ids among them. */
  readonly records: number;
  readonly ids: number;
  readonly dedupWindowMs: number;
  /** Received times lie this far from one another at most. */
  readonly spreadMs: number;
  /** Whether records were received in the order of their offsets. Default false. */
  readonly inOrder?: boolean;
}

/** What one process applies while another kills it; the seed says all. */
export function crashLog(seed: string): CopiedLog {
  return makeCopiedLog(randomOf(Number(seed)), {
    partitions: 2,
    records: 12_000,
    ids: 8000,
    dedupWindowMs: Number.POSITIVE_INFINITY,
    spreadMs: 1e9,
  });
}

/** Dead letters that are replayed on a partition, and on no other, each more than once: its first records. */
const replayedLetters = 4;

interface Kept {
  readonly offset: number;
  readonly seconds: number;
}

/** Makes a log; what counts is said by a plain loop. */
export function makeCopiedLog(random: Random, options: CopiedLogOptions): CopiedLog {
  const { partitions, dedupWindowMs, spreadMs, inOrder = false } = options;
  const kept = Array.from({ length: partitions }, () => new Set<number>());
  const dead = Array.from({ length: partitions }, () => new Set<number>());
  const users = kept.map((_, partition) => userOn(partition, "u", partitions));

  const records = users.map((userId, partition) => {
    /** Of events and of dead letters the copy that was kept last, and the second in which it was received, by user and id. */
    const events = new Map<string, Kept>();
    const letters = new Map<string, Kept>();
    const replayed = new Set<string>();
    return Array.from({ length: options.records }, (_, offset) => {
      const what = random();
      if (what < 0.03 || offset < replayedLetters) {
        dead[partition]!.add(offset);
        return Uint8Array.of(0xff, 0xff);
      }
      const isForeign = partitions > 1 && what < 0.06;
      const isInvalid = what >= 0.06 && what < 0.09;
      const letter: DeadLetterPlace | undefined =
        what >= 0.09 && what < 0.17
          ? {
              partition: random() < 0.5 ? partition : partitions + partition,
              offset: Math.floor(random() * replayedLetters),
            }
          : undefined;
      const user = isForeign ? users[(partition + 1) % partitions]! : userId;
      const id = String(Math.floor(random() * options.ids));
      const receivedMs = Math.floor((inOrder ? offset / options.records : random()) * spreadMs);
      const isRefused = isForeign || isInvalid;
      const key = `${user} ${id}`;
      // The replay of a letter is a copy only of what came after that.
      const after = letter?.partition === partition ? letter.offset : -1;
      const isCopyOf = (one: Kept | undefined) =>
        one !== undefined && one.offset > after && receivedMs - one.seconds * 1000 <= dedupWindowMs;
      const isCopy = isCopyOf(events.get(key)) || (isRefused && isCopyOf(letters.get(key)));
      if (!isCopy && !(letter !== undefined && replayed.has(deadLetterId(letter)))) {
        (isRefused ? dead : kept)[partition]!.add(offset);
        (isRefused ? letters : events).set(key, { offset, seconds: Math.floor(receivedMs / 1000) });
        if (letter !== undefined) replayed.add(deadLetterId(letter));
      }
      const measures: Record<string, number> = isInvalid ? { a: Number.POSITIVE_INFINITY } : {};
      const event = { id, userId: user, name: `${offset}`, measures };
      const record = recordOf({ receivedUs: receivedMs * 1000, event });
      return letter === undefined ? record : Buffer.concat([record, encodeReplayField(deadLetterId(letter))]);
    });
  });
  return { records, kept, dead };
}
