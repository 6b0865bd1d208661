/**
 * A log as Kafka's may be: with copies, with what is no event, with events on another user's partition, with replays of dead
 * letters that were on another partition.
 */
import { encodeReplayField } from "../../src/domain/record/dead-letter.ts";
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

/** Dead letters that are replayed on a partition, and on no other, each more than once. */
const replayedLetters = 4;

/** Makes a log; what counts is said by a plain loop. */
export function makeCopiedLog(random: Random, options: CopiedLogOptions): CopiedLog {
  const { partitions, dedupWindowMs, spreadMs, inOrder = false } = options;
  const kept = Array.from({ length: partitions }, () => new Set<number>());
  const dead = Array.from({ length: partitions }, () => new Set<number>());
  const users = kept.map((_, partition) => userOn(partition, "u", partitions));

  const records = users.map((userId, partition) => {
    /** The second in which the copy that counted last was received, by user and id. */
    const seen = new Map<string, number>();
    const replayed = new Set<string>();
    return Array.from({ length: options.records }, (_, offset) => {
      const what = random();
      if (what < 0.03) {
        dead[partition]!.add(offset);
        return Uint8Array.of(0xff, 0xff);
      }
      const isForeign = partitions > 1 && what < 0.06;
      const isInvalid = what >= 0.06 && what < 0.09;
      const letter =
        what >= 0.09 && what < 0.17
          ? `${partitions + partition}-${Math.floor(random() * replayedLetters)}`
          : undefined;
      const user = isForeign ? users[(partition + 1) % partitions]! : userId;
      const id = String(Math.floor(random() * options.ids));
      const receivedMs = Math.floor((inOrder ? offset / options.records : random()) * spreadMs);
      const key = `${user} ${id}`;
      const first = seen.get(key);
      const isAgain = letter !== undefined && replayed.has(letter);
      if (!isAgain && (first === undefined || receivedMs - first * 1000 > dedupWindowMs)) {
        if (letter !== undefined) replayed.add(letter);
        seen.set(key, Math.floor(receivedMs / 1000));
        (isForeign || isInvalid ? dead : kept)[partition]!.add(offset);
      }
      const measures: Record<string, number> = isInvalid ? { a: Number.POSITIVE_INFINITY } : {};
      const event = { id, userId: user, name: `${offset}`, measures };
      const record = recordOf({ receivedUs: receivedMs * 1000, event });
      return letter === undefined ? record : Buffer.concat([record, encodeReplayField(letter)]);
    });
  });
  return { records, kept, dead };
}
