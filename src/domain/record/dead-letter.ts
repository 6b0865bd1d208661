/** Dead letters by the place of their record on the log, and the records that replay them. */
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export interface DeadLetterPlace {
  readonly partition: number;
  readonly offset: number;
}

/** A record of the log that could not be applied, and why. */
export interface DeadLetter extends DeadLetterPlace {
  /** Empty where the record cannot be decoded, or names none that can be. */
  readonly project: string;
  /** In UPPER_SNAKE_CASE. */
  readonly reason: string;
  readonly message: string;
  /** The record's bytes as they stand on the log. */
  readonly record: Uint8Array;
}

export function deadLetterId({ partition, offset }: DeadLetterPlace): string {
  return `${partition}-${offset}`;
}

/** Undefined where the text is the id of none: a letter has one alone, so that none is named twice. */
export function deadLetterPlace(id: string): DeadLetterPlace | undefined {
  const match = /^(0|[1-9]\d{0,4})-(0|[1-9]\d{0,14})$/.exec(id);
  return match === null ? undefined : { partition: Number(match[1]), offset: Number(match[2]) };
}

/** Field 8: put behind a dead letter's record it makes the record that replays it. */
export function encodeReplayField(id: string): Uint8Array {
  return new BinaryWriter().tag(8, WireType.LengthDelimited).string(id).finish();
}

const replayPrefix = "\u0000replay ";

/**
 * What a replay is known by where the log and the store look for duplicates, so that each dead letter is replayed once. No
 * event has it, for it begins with a control character.
 *
 * @param id of the dead letter
 */
export function replayIdentity(id: string): string {
  return replayPrefix + id;
}

/** An event or a replay in words, by what the log knows it by. */
export function describeIdentity(id: string): string {
  const letter = id.startsWith(replayPrefix) ? id.slice(replayPrefix.length) : undefined;
  return letter === undefined ? `event ${JSON.stringify(id)}` : `dead letter ${letter}`;
}

/**
 * What a dead letter is known by to the store, so that copies of it are none of their own, while its event can be sent
 * again once it is mended. No event has it either.
 *
 * @param id of the letter's event
 */
export function letterIdentity(id: string): string {
  return `\u0000letter ${id}`;
}
