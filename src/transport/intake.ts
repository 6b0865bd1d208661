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
  const add = (bytes: number) => {
    size += bytes;
    // What was set aside as the call began stands until there is more.
    if (size > held.bytes) held.hold(size);
    count(bytes);
  };
  return {
    came: add,
    announced: held.expect,
    grew: add,
    taken: () => {},
  };
}

/** So much of a message is held at once, for what comes in one piece with its head; what is more, as it comes. */
const firstBytes = 16 * 1024;

/** Of a stream, which holds one message at a time. */
export function streamIntake({ count, held }: IntakeOptions): Intake {
  /** Of the message at hand. */
  let stated = 0;
  const hold = (bytes: number) => {
    if (bytes !== held.bytes) held.hold(bytes);
  };
  return {
    came: (bytes) => {
      hold(Math.max(held.bytes, Math.min(stated, held.bytes + bytes)));
      count(bytes);
    },
    announced: (bytes) => {
      stated = bytes;
      held.expect(bytes);
      hold(Math.min(bytes, firstBytes));
    },
    grew: (bytes) => {
      hold(Math.max(stated, held.bytes) + bytes);
      count(bytes);
    },
    taken: () => {
      stated = 0;
      hold(0);
    },
  };
}
