import type { Block } from "../../domain/record/block.ts";
import type { DeadLetter } from "../../domain/record/dead-letter.ts";
import { createFlatRecordReader } from "../../domain/record/flat-record.ts";
import { type SortingRule, sortOut } from "../apply/copies.ts";
import { countApplied } from "../apply/counts.ts";
import type { Forgetting } from "../apply/forgetting.ts";
import { decodeBlocks } from "../apply/rows.ts";
import type { ApplyResult } from "../store.ts";
import type { Connection } from "./connection.ts";
import { messageOf, unavailable } from "./failures.ts";
import { createIdTable } from "./ids.ts";
import type { Inserts } from "./inserts.ts";
import type { KeyColumns } from "./key-columns.ts";
import type { Ownership } from "./ownership.ts";

/** Applies blocks. One call at a time. */
export interface Writer {
  apply(blocks: readonly Block[], positions: readonly number[]): Promise<Written>;
}

export interface Written {
  readonly result: ApplyResult;
  readonly positions: readonly number[];
}

export interface WriterOptions {
  readonly connection: Connection;
  readonly inserts: Inserts;
  readonly ownership: Ownership;
  readonly keyColumns: KeyColumns;
  readonly rule: SortingRule;
  readonly forgetting: Forgetting;
  readonly beforeCommit: (deadLetters: readonly DeadLetter[]) => Promise<void>;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

export function createWriter(options: WriterOptions): Writer {
  const { connection, inserts, ownership, keyColumns, rule, forgetting, beforeCommit, now } = options;
  const idTable = createIdTable(connection);
  const decoding = { read: createFlatRecordReader(), foreign: true };

  /** At once, since an arbiter can take all of them in one request; what fails is thrown once all are settled. */
  async function commitAll(partitions: readonly number[], positions: readonly number[]): Promise<void> {
    const commits = partitions.map((partition) => ownership.commit(partition, positions[partition]!));
    const failed = (await Promise.allSettled(commits)).find(({ status }) => status === "rejected");
    if (failed !== undefined) throw (failed as PromiseRejectedResult).reason;
  }

  async function handOn(deadLetters: readonly DeadLetter[]): Promise<void> {
    try {
      await beforeCommit(deadLetters);
    } catch (error) {
      throw new HandingOnError(messageOf(error), { cause: error });
    }
  }

  return {
    async apply(blocks, positions) {
      const partitions = [...new Set(blocks.map(({ partition }) => partition))];
      const decoded = decodeBlocks(blocks, positions, decoding);
      const epochs = new Map(partitions.map((partition) => [partition, ownership.held(partition)!.epoch]));
      try {
        await keyColumns.prepare(decoded.events);
        const nowUs = now() * 1000;
        const sorted = await sortOut(idTable, rule, decoded);
        // A crash behind the events leaves rows that the next owner's fence hides, and no trace of their ids; one behind
        // the ids leaves ids that let those very rows pass when they come again.
        await inserts.events(sorted.events, epochs);
        await inserts.ids(sorted.ids, epochs);
        await inserts.deadLetters(sorted.deadLetters, epochs, nowUs);
        await inserts.replays(sorted.replayed, epochs, nowUs);
        const result = countApplied(sorted.events, sorted.deadLetters, sorted.duplicates);
        if (result.setAside.length > 0) await handOn(result.setAside);
        await commitAll(partitions, decoded.positions);
        forgetting.note(decoded.events, decoded.deadLetters);
        return { result, positions: decoded.positions };
      } catch (error) {
        // What is unknown now is settled by taking the partitions over anew.
        ownership.drop(partitions);
        if (error instanceof HandingOnError) throw unavailable(error.message, error.cause);
        throw unavailable(`ClickHouse could not be written: ${messageOf(error)}`, error);
      }
    },
  };
}

/** Dead letters could not be handed on, which says nothing of ClickHouse. */
class HandingOnError extends Error {
  override readonly name = "HandingOnError";
}
