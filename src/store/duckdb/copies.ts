import { WeirError } from "../../domain/errors.ts";
import { createIdHasher } from "../../domain/ids.ts";
import { type NewId, type SortedOut, sortOut } from "../apply/copies.ts";
import { createForgetting } from "../apply/forgetting.ts";
import type { DecodedBlocks } from "../apply/rows.ts";
import { StoreStartError } from "../store.ts";
import { type Forgotten, openIdTable } from "./id-table.ts";

export interface IdOptions {
  /** Where the ids are kept; made where it does not exist. */
  readonly folder: string;
  /** Keys the hashes of ids. */
  readonly idSecret: Uint8Array;
  /** Milliseconds after its first copy was received in which an event is a copy of it. */
  readonly dedupWindowMs: number;
}

/** Drops copies, where the log does not. */
export interface Copies {
  /** Whether others may have put records on the log. */
  readonly foreign: boolean;
  /**
   * What the store holds, and what is known of its ids: without them copies would count again.
   *
   * @throws StoreStartError where they do not belong together
   */
  check(logId: string, positions: readonly number[]): void;
  /** Binds new ids to a log. @throws WeirError FAILED_PRECONDITION where they are another log's */
  bind(logId: string, partitions: number): Promise<void>;
  sortOut(decoded: DecodedBlocks): Promise<Pick<SortedOut, "events" | "deadLetters" | "ids" | "duplicates">>;
  /** Remembers the ids of everything before `positions`; to be called before they are committed. Durable. */
  remember(ids: readonly NewId[], positions: readonly number[], committed: readonly number[]): Promise<void>;
  /** Tells what was committed. */
  note(decoded: DecodedBlocks): void;
  /** Forgets some of the ids that were received before an instant; goes on where it is told. */
  forget(receivedBeforeMs: number, from: Uint8Array | undefined): Promise<Forgotten>;
  close(): Promise<void>;
}

const keepAll: Copies = {
  foreign: false,
  check() {},
  async bind() {},
  sortOut: async ({ events, deadLetters }) => ({ events, deadLetters, ids: [], duplicates: [] }),
  async remember() {},
  note() {},
  forget: async () => ({ ids: 0 }),
  async close() {},
};

/**
 * @param options absent where the log drops all copies itself
 * @throws StoreStartError
 */
export async function openCopies(options: IdOptions | undefined): Promise<Copies> {
  if (options === undefined) return keepAll;
  const { folder, idSecret, dedupWindowMs } = options;
  const table = await openIdTable(folder);
  const rule = { hashId: createIdHasher(idSecret), dedupWindowMs };
  const forgetting = createForgetting(dedupWindowMs);
  const ofAnother = (logId: string) => `${folder} holds the ids of log ${table.logId}, not of log ${logId}`;
  return {
    foreign: true,
    check(logId, positions) {
      if (table.logId !== undefined && table.logId !== logId) {
        throw new StoreStartError(`${ofAnother(logId)}: give both of one data directory`);
      }
      const behind = positions.findIndex(
        (position, partition) => position > (table.positions[partition] ?? 0),
      );
      if (behind === -1) return;
      throw new StoreStartError(
        `the store has applied partition ${behind} up to ${positions[behind]}, but ${folder} holds its ids only up to ` +
          `${table.positions[behind] ?? 0}: copies of stored events would count again. Restore the ids, or move the ` +
          "store away to build a new one from the log",
      );
    },
    async bind(logId, partitions) {
      if (table.logId === undefined) return table.bind(logId, partitions);
      if (table.logId === logId) return;
      throw new WeirError("FAILED_PRECONDITION", "STORE_UNAVAILABLE", ofAnother(logId));
    },
    sortOut: (decoded) => sortOut(table, rule, decoded),
    remember: (ids, positions, committed) => table.write(ids, positions, committed),
    note: ({ events, deadLetters }) => forgetting.note(events, deadLetters),
    forget: (receivedBeforeMs, from) => table.forget(forgetting.until(receivedBeforeMs), from),
    close: () => table.close(),
  };
}
