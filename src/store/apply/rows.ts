import { isProjectId } from "../../domain/project-id.ts";
import { type Block, BrokenBlockError, blockTime, readBlock } from "../../domain/record/block.ts";
import type { FlatRecord } from "../../domain/record/flat-record.ts";
import type { FlatEvent } from "../../domain/record/flatten.ts";
import { type Refusal, refusalOf, type Standing } from "../../domain/record/refusal.ts";

/** A row of events, but for its user's key. */
export interface EventRow {
  readonly project: string;
  readonly flat: FlatEvent;
  /** Id of the dead letter that the record replays; absent: none. */
  readonly replays?: string | undefined;
  /** traceparent of the call that brought the record; absent: it was not traced. */
  readonly trace?: string | undefined;
  readonly partition: number;
  readonly offset: number;
}

/** A row of dead letters. */
export interface DeadLetterRow {
  readonly partition: number;
  readonly offset: number;
  /** Empty where the record names none that can be: those who administer the platform see it then. */
  readonly project: string;
  /** As of EventRow. */
  readonly replays?: string | undefined;
  readonly trace?: string | undefined;
  /** Whose event it is as it says, and its id; absent where the record cannot be decoded or has no id. */
  readonly identity?: { readonly project: string; readonly userId: string; readonly id: string };
  readonly reason: "UNDECODABLE" | Refusal["reason"];
  readonly message: string;
  readonly receivedUs: number;
  readonly record: Uint8Array;
}

/** What blocks hold beyond the positions, and where the positions are after it. */
export interface DecodedBlocks {
  readonly events: readonly EventRow[];
  readonly deadLetters: readonly DeadLetterRow[];
  readonly positions: readonly number[];
}

/** Reads records; keeps some memory of the texts that come again and again. */
export type RecordReader = (record: Uint8Array) => FlatRecord;

export interface DecodeOptions {
  readonly read: RecordReader;
  /** Whether others may have put records on the log, as Standing has it. */
  readonly foreign: boolean;
}

/**
 * Checks and decodes blocks that follow on the positions; records before them are passed over.
 *
 * @throws BrokenBlockError where a block is not whole or leaves a gap
 */
export function decodeBlocks(
  blocks: readonly Block[],
  from: readonly number[],
  { read, foreign }: DecodeOptions,
): DecodedBlocks {
  const positions = [...from];
  const events: EventRow[] = [];
  const deadLetters: DeadLetterRow[] = [];
  for (const { partition, firstOffset, count, bytes } of blocks) {
    const position = positions[partition];
    if (position === undefined) {
      throw new BrokenBlockError(`partition ${partition} is none of the ${positions.length} of the store`);
    }
    if (firstOffset > position) {
      const gap = `the block at ${firstOffset} does not follow on offset ${position}`;
      throw new BrokenBlockError(`partition ${partition}: ${gap}`);
    }
    const standing: Standing = { partition, partitions: positions.length, foreign };
    const madeUs = Math.floor(blockTime(bytes)) * 1000;
    let next = firstOffset;
    readBlock(bytes, (record) => {
      const offset = next++;
      if (offset < position || record === undefined) return;
      const row = decodeRow(read, record, standing, offset, madeUs);
      if ("flat" in row) events.push(row);
      else deadLetters.push(row);
    });
    if (next !== firstOffset + count) {
      throw new BrokenBlockError(
        `partition ${partition}: the block at ${firstOffset} holds ${next - firstOffset} records, not ${count}`,
      );
    }
    positions[partition] = Math.max(position, next);
  }
  return { events, deadLetters, positions };
}

function decodeRow(
  read: RecordReader,
  record: Uint8Array,
  standing: Standing,
  offset: number,
  madeUs: number,
): EventRow | DeadLetterRow {
  const { partition } = standing;
  let decoded: FlatRecord;
  try {
    decoded = read(record);
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { partition, offset, project: "", reason: "UNDECODABLE", message, receivedUs: madeUs, record };
  }
  const { project, flat, replays, trace } = decoded;
  const refusal = refusalOf(decoded, standing);
  if (refusal === undefined) return { project, flat, replays, trace, partition, offset };
  return {
    partition,
    offset,
    project: isProjectId(project) ? project : "",
    replays,
    trace,
    // Records without an id are not copies of one another.
    ...(flat.id === "" ? {} : { identity: { project, userId: flat.userId, id: flat.id } }),
    ...refusal,
    // What is refused may have a time that no column holds.
    receivedUs: Number.isSafeInteger(flat.receivedUs) ? flat.receivedUs : madeUs,
    record,
  };
}
