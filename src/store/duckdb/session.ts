import { WeirError } from "../../domain/errors.ts";
import { type Block, BrokenBlockError } from "../../domain/record/block.ts";
import { openCopies } from "./copies.ts";
import { closeDatabase, type OpenedDatabase, openDatabase } from "./database.ts";
import type { StoreState, WorkerOptions } from "./protocol.ts";
import { createReader, type Reader } from "./reader.ts";
import { createWriter, type Writer } from "./writer.ts";

/** The worker's hold of the database: opens it, opens it anew after a failed write, closes it. */
export interface Session {
  readonly state: StoreState;
  /**
   * Runs one read. Opening the database anew ends what runs: it runs again there.
   *
   * @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE while the database cannot be opened; CANCELLED after `cancel`
   */
  read<T>(id: number, work: (reader: Reader) => Promise<T>): Promise<T>;
  /** Ends a read early. */
  cancel(id: number): void;
  /**
   * Runs one write. Where it fails for the database's sake, the database is opened anew, because DuckDB may have
   * declared it invalid, and whether the write was committed is known only then.
   *
   * @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE; what the work itself refuses, as it is
   */
  write<T>(work: (writer: Writer) => Promise<T>): Promise<T>;
  /** Told what is likely to be applied next. */
  foresee(blocks: readonly Block[]): void;
  /** Writes the write-ahead file to the main file, and closes. */
  close(): Promise<void>;
}

interface Open {
  readonly database: OpenedDatabase;
  readonly reader: Reader;
  readonly writer: Writer;
}

/** @param warn tells the operator */
export async function openSession(
  options: WorkerOptions,
  now: () => number,
  warn: (message: string) => void,
): Promise<Session> {
  const copies = await openCopies(options.ids);
  let open: Open | undefined;
  try {
    open = await openAll();
  } catch (error) {
    await copies.close();
    throw error;
  }
  let state = open.writer.state;
  let closed = false;

  async function openAll(): Promise<Open> {
    const database = await openDatabase(options, now);
    for (const warning of database.warnings) warn(warning);
    try {
      const writer = await createWriter({
        connection: database.writer,
        copies,
        keyColumns: options.keyColumns,
        now,
      });
      return { database, reader: createReader(database.instance), writer };
    } catch (error) {
      closeDatabase(database);
      throw error;
    }
  }

  /** Reads under way by their id, and whether their callers have given them up. */
  const reads = new Map<number, { givenUp: boolean }>();
  let reopening: Promise<void> | undefined;

  function reopen(): Promise<void> {
    reopening = openAnew().finally(() => {
      reopening = undefined;
    });
    return reopening;
  }

  async function openAnew(): Promise<void> {
    const former = open;
    open = undefined;
    if (former !== undefined) {
      await former.reader.close();
      closeDatabase(former.database);
    }
    open = await openAll();
    state = open.writer.state;
  }

  async function closeOpen(): Promise<void> {
    if (open === undefined) return;
    const { database, reader } = open;
    open = undefined;
    await reader.close();
    try {
      await database.writer.run("CHECKPOINT");
    } finally {
      closeDatabase(database);
    }
  }

  return {
    get state() {
      return state;
    },
    async read(id, work) {
      const read = { givenUp: false };
      reads.set(id, read);
      try {
        for (;;) {
          await reopening?.catch(() => {});
          if (open === undefined) {
            throw unavailable(closed ? "the store is closed" : "the store is to be opened anew");
          }
          const { reader } = open;
          try {
            return await work(reader);
          } catch (error) {
            if (read.givenUp || closed || open?.reader === reader) throw error;
          }
        }
      } finally {
        reads.delete(id);
      }
    },
    cancel(id) {
      const read = reads.get(id);
      if (read !== undefined) read.givenUp = true;
      open?.reader.cancel(id);
    },
    async write(work) {
      if (closed) throw unavailable("the store is closed");
      if (open === undefined) {
        try {
          await reopen();
        } catch (error) {
          throw unavailable(`the store cannot be opened: ${messageOf(error)}`, error);
        }
        // The caller goes by positions that may no longer hold.
        throw unavailable("the store was opened anew; read its positions and try again");
      }
      const { writer } = open;
      try {
        const result = await work(writer);
        state = writer.state;
        return result;
      } catch (error) {
        if (error instanceof BrokenBlockError || error instanceof WeirError) throw error;
        await reopen().catch(() => {});
        throw unavailable(`the store could not be written: ${messageOf(error)}`, error);
      }
    },
    foresee(blocks) {
      open?.writer.foresee(blocks);
    },
    async close() {
      closed = true;
      try {
        await closeOpen();
      } finally {
        await copies.close();
      }
    },
  };
}

function unavailable(message: string, cause?: unknown): WeirError {
  return new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", message, cause === undefined ? {} : { cause });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? (error.message.split("\n")[0] ?? "") : String(error);
}
