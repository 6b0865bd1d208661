/** Takes account of a call's body as it comes and as it is unpacked: for its caller's rate, and for the memory of all. */
import type { Reservation } from "./memory.ts";

/** Each throws WeirError RESOURCE_EXHAUSTED/OUT_OF_MEMORY where there is no room for what it tells of. */
export interface Intake {
  /** Bytes came over the wire. */
  came(bytes: number): void;
  /** A message of so many bytes, packed as it may be, is about to come. */
  announced(bytes: number): void;
  /** By being unpacked it became so many bytes more. */
  grew(bytes: number): void;
  /** The message is read. */
  taken(): void;
}

export interface IntakeOptions {
  /** Counts bytes for the caller's rate. */
  readonly count: (bytes: number) => void;
  readonly held: Reservation;
}

/** Of a unary call, which holds all of its body. */
export function unaryIntake({ count, held }: IntakeOptions): Intake {
  let size = 0;
  let stated = 0;
  /** What was set aside as the call began stands until there is more. */
  let greatest = held.bytes;
  const add = (bytes: number) => {
    size += bytes;
    settle();
    count(bytes);
  };
  const settle = () => {
    const needed = Math.max(size, stated);
    if (needed <= greatest) return;
    held.hold(needed);
    greatest = needed;
  };
  return {
    came: add,
    announced: (bytes) => {
      stated = bytes;
      settle();
    },
    grew: add,
    taken: () => {},
  };
}

/** Of a stream, which holds one message at a time. */
export function streamIntake({ count, held }: IntakeOptions): Intake {
  let size = 0;
  const hold = (bytes: number) => {
    held.hold(bytes);
    size = bytes;
  };
  return {
    came: count,
    announced: hold,
    grew: (bytes) => {
      hold(size + bytes);
      count(bytes);
    },
    taken: () => hold(0),
  };
}
