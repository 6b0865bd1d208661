import { BIGINT, type DuckDBConnection, INTEGER, LIST, listValue } from "@duckdb/node-api";
import { WeirError } from "../../domain/errors.ts";
import type { Block } from "../../domain/record/block.ts";
import { createFlatRecordReader } from "../../domain/record/flat-record.ts";
import type { KeyColumnLimits } from "../apply/census.ts";
import { countApplied } from "../apply/counts.ts";
import { decodeBlocks } from "../apply/rows.ts";
import type { Statement } from "../sql/fragment.ts";
import type { ApplyResult } from "../store.ts";
import { createRowAppender } from "./append.ts";
import type { Copies } from "./copies.ts";
import { createForesight } from "./foresight.ts";
import type { Forgotten } from "./id-table.ts";
import { createKeyColumns } from "./key-columns.ts";
import { paramTypes } from "./param-types.ts";
import type { StoreState } from "./protocol.ts";
import { markReplayed, settleReplays } from "./replays.ts";
import { readMeta } from "./schema.ts";
import { transactionOf } from "./transaction.ts";
import { createUserKeys } from "./users.ts";

/** Writes to an open database. One call at a time. After one that failed the database is to be opened anew. */
export interface Writer {
  readonly state: StoreState;
  bind(logId: string, partitions: number): Promise<void>;
  apply(blocks: readonly Block[]): Promise<ApplyResult>;
  /** Told what is likely to be applied next. */
  foresee(blocks: readonly Block[]): void;
  skipTo(starts: readonly number[]): Promise<void>;
  removeBefore(beforeUs: number, project: string | undefined): Promise<number>;
  /** Forgets some of the ids that were received before an instant; goes on where it is told. */
  forgetIds(receivedBeforeMs: number, from: Uint8Array | undefined): Promise<Forgotten>;
  /** Runs a statement that removes dead letters. Answers how many. */
  discard(statement: Statement): Promise<number>;
}

export interface WriterOptions {
  readonly connection: DuckDBConnection;
  readonly copies: Copies;
  readonly keyColumns: KeyColumnLimits;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/**
 * Reads what the database holds, and writes to it.
 *
 * @throws StoreStartError where the ids are not those of what it holds
 */
export async function createWriter(options: WriterOptions): Promise<Writer> {
  const { connection, copies, now } = options;
  let logId = await readMeta(connection, "log_id");
  let positions = await readPositions(connection);
  let rows = await countRows(connection);
  const users = await createUserKeys(connection);
  const transaction = transactionOf(connection);
  const columns = await createKeyColumns(connection, transaction, options.keyColumns);
  const append = createRowAppender(connection);
  const decoding = { read: createFlatRecordReader(), foreign: copies.foreign };
  const decode = (blocks: readonly Block[], from: readonly number[]) => decodeBlocks(blocks, from, decoding);
  const foresight = createForesight(decode);
  if (logId !== undefined) {
    copies.check(logId, positions);
    await copies.bind(logId, positions.length);
  }

  /** Prepared once: small applies are frequent, and planning would be a good part of them. */
  const update = await connection.prepare(
    'UPDATE positions SET "offset" = list_extract($1, "partition" + 1)',
  );
  async function writePositions(next: readonly number[]): Promise<void> {
    update.bind([listValue(next.map(BigInt))], [LIST(BIGINT)]);
    await update.run();
  }

  return {
    get state() {
      return { logId, positions, rows, users: users.count, layout: columns.layout };
    },

    async bind(id, partitions) {
      if (logId !== undefined) {
        if (logId === id && positions.length === partitions) return;
        const has = `the store holds log ${logId} of ${positions.length} partitions`;
        throw new WeirError(
          "FAILED_PRECONDITION",
          "STORE_UNAVAILABLE",
          `${has}, not log ${id} of ${partitions}`,
        );
      }
      await copies.bind(id, partitions);
      await transaction(async () => {
        await connection.run("INSERT INTO meta VALUES ('log_id', $1)", [id]);
        await connection.run("INSERT INTO positions SELECT range, 0 FROM range($1)", [partitions], [INTEGER]);
      });
      logId = id;
      positions = Array<number>(partitions).fill(0);
    },

    async apply(blocks) {
      const decoded = foresight.take(blocks, positions) ?? decode(blocks, positions);
      const sorted = await copies.sortOut(decoded);
      const { events, deadLetters, replayed, ...settled } = await settleReplays(connection, sorted);
      // The disk takes the ids while the rows are made; until those wait for it, a failure has nobody who hears of it.
      const remembered = copies.remember(sorted.ids, decoded.positions, positions);
      const ended = remembered.catch(() => {});
      try {
        const nowUs = now() * 1000;
        await columns.prepare(events);
        const { keys, added, commit } = await users.assign(events);
        await transaction(
          async () => {
            await append.users(added);
            await append.events(events, keys, columns.layout);
            await append.deadLetters(deadLetters, nowUs);
            await markReplayed(connection, replayed, nowUs);
            await writePositions(decoded.positions);
            // A crash behind the ids leaves ids that let those very rows pass when they come again; one behind the rows
            // would leave rows whose copies count.
            await remembered;
          },
          () => foresight.read(decoded.positions),
        );
        commit();
      } finally {
        await ended;
      }
      positions = [...decoded.positions];
      rows += events.length;
      copies.note(decoded);
      await columns.settle();
      return countApplied(events, deadLetters, [...sorted.duplicates, ...settled.duplicates]);
    },

    foresee: foresight.expect,

    async skipTo(starts) {
      const next = positions.map((position, partition) => Math.max(position, starts[partition] ?? 0));
      await copies.remember([], next, positions);
      await transaction(() => writePositions(next));
      positions = next;
    },

    async removeBefore(beforeUs, project) {
      const only = project === undefined ? "" : " AND project = $2";
      const values = project === undefined ? [BigInt(beforeUs)] : [BigInt(beforeUs), project];
      const result = await connection.run(`DELETE FROM events WHERE timestamp_us < $1${only}`, values);
      rows -= result.rowsChanged;
      return result.rowsChanged;
    },

    forgetIds: copies.forget,

    async discard({ sql, params }) {
      const values = params.map(({ value }) => value);
      return (
        await connection.run(
          sql,
          values,
          params.map(({ type }) => paramTypes[type]),
        )
      ).rowsChanged;
    },
  };
}

async function readPositions(connection: DuckDBConnection): Promise<number[]> {
  const result = await connection.runAndReadAll('SELECT "offset" FROM positions ORDER BY "partition"');
  return result.getRows().map(([offset]) => Number(offset));
}

async function countRows(connection: DuckDBConnection): Promise<number> {
  const result = await connection.runAndReadAll("SELECT count(*) FROM events");
  return Number(result.getRows()[0]?.[0]);
}
