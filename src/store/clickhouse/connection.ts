/** A ClickHouse server over HTTP. Nothing else imports its client. */
import { randomUUID } from "node:crypto";
import { Readable } from "node:stream";
import {
  type ClickHouseClient,
  ClickHouseError,
  type ClickHouseSettings,
  createClient,
  type ExecParams,
} from "@clickhouse/client";
import { WeirError } from "../../domain/errors.ts";
import type { Table } from "../sql/plan.ts";
import type { BoundQuery } from "./bind.ts";
import { type NativeBlock, nativeBlocks } from "./native/blocks.ts";
import { tableOf } from "./native/table.ts";
import { insertSettings, querySettings } from "./settings.ts";

export interface QueryOptions {
  /** Ends the query here and on the server. Absent: it ends after a minute. */
  readonly signal?: AbortSignal;
  /** Milliseconds after which the server ends it; absent: as the server is configured. */
  readonly timeoutMs?: number;
  /** Blocks come while the query runs, and an error may come among them. */
  readonly streamed?: boolean;
}

export interface Connection {
  blocks(query: BoundQuery, options?: QueryOptions): AsyncGenerator<NativeBlock>;
  /** The bytes that a statement with a FORMAT answers. */
  bytes(query: BoundQuery, options?: QueryOptions): AsyncGenerator<Buffer>;
  table(query: BoundQuery, options?: QueryOptions): Promise<Table>;
  /** Inserts rows in RowBinary by a statement that reads them; the server ends it after so many milliseconds. */
  insert(statement: string, rows: Buffer, timeoutMs: number): Promise<void>;
  /** A statement without an answer. */
  command(statement: string): Promise<void>;
  /** A DELETE, which has happened when it is answered. */
  remove(statement: BoundQuery): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  /** http or https, with user, password and database (as its path). */
  readonly url: string;
  /** Sockets at once. */
  readonly maxConnections: number;
  /** Longest wait for the server to hear that a query has lost its caller, in milliseconds. Default 5,000. */
  readonly killTimeoutMs?: number;
  /** Aborted where what is under way is given up, and all that comes: the server may be silent. Default: never. */
  readonly givenUp?: AbortSignal;
}

/** Longest wait for a statement of the store's own, of which none reads more than a few rows. */
const ownTimeoutMs = 60_000;
/** Longest wait for a DELETE, which has to look at all parts. */
const removalTimeoutMs = 600_000;
/** Idle time of a socket after which a request is given up; queries have deadlines of their own. */
const requestTimeoutMs = 3_600_000;
/** How much longer than the server a caller waits for the end that the server makes. */
const graceMs = 5000;

export function createConnection(options: ConnectionOptions): Connection {
  const { url, maxConnections, killTimeoutMs = 5000 } = options;
  const givenUp = options.givenUp ?? new AbortController().signal;
  const within = (timeoutMs: number) => AbortSignal.any([AbortSignal.timeout(timeoutMs), givenUp]);
  const client: ClickHouseClient = createClient({
    url,
    application: "weir",
    max_open_connections: maxConnections,
    request_timeout: requestTimeoutMs,
    compression: { request: false, response: false },
    keep_alive: { enabled: true },
    log: { level: 127 },
  });
  /** @param signal ends it; the client itself would not hear one that is aborted already */
  const exec = async (signal: AbortSignal, params: ExecParams & { readonly values?: Readable }) => {
    signal.throwIfAborted();
    const { stream } = await client.exec({ ...params, abort_signal: signal });
    return stream;
  };
  /** Ends of queries that are being asked for. */
  const kills = new Set<Promise<unknown>>();

  /** The server goes on with a query whose caller has gone, unless it is told. One that is silent keeps no socket for it. */
  function kill(queryId: string): void {
    if (givenUp.aborted) return;
    const killed = client
      .command({
        query: `KILL QUERY WHERE query_id = '${queryId}' ASYNC`,
        abort_signal: within(killTimeoutMs),
      })
      .catch(() => {});
    kills.add(killed);
    void killed.finally(() => kills.delete(killed));
  }

  async function* bytes({ query, params }: BoundQuery, options: QueryOptions = {}): AsyncGenerator<Buffer> {
    const { timeoutMs, streamed = false } = options;
    const signal = options.signal ? AbortSignal.any([options.signal, givenUp]) : within(ownTimeoutMs);
    const queryId = randomUUID();
    /** Or never begun. */
    let ended = signal.aborted;
    try {
      const stream = await exec(signal, {
        query,
        query_params: params,
        query_id: queryId,
        clickhouse_settings: {
          ...querySettings,
          ...(streamed ? { wait_end_of_query: 0 } : {}),
          ...(timeoutMs === undefined ? {} : timeLimit(timeoutMs)),
        },
      });
      for await (const piece of stream) {
        signal.throwIfAborted();
        yield piece as Buffer;
      }
      // A stream that is broken off may look like one that ends.
      signal.throwIfAborted();
      ended = true;
    } catch (error) {
      // The server's own error is the query's end.
      ended ||= error instanceof ClickHouseError;
      throw options.signal?.aborted ? cancelled() : error;
    } finally {
      if (!ended) kill(queryId);
    }
  }

  const blocks: Connection["blocks"] = (query, options) =>
    nativeBlocks(bytes({ ...query, query: `${query.query}\nFORMAT Native` }, options));

  return {
    bytes,
    blocks,
    async table(query, options) {
      const all: NativeBlock[] = [];
      for await (const block of blocks(query, options)) all.push(block);
      return tableOf(all);
    },
    async insert(statement, rows, timeoutMs) {
      const stream = await exec(within(timeoutMs + graceMs), {
        query: `${statement}\nFORMAT RowBinary`,
        values: Readable.from([rows], { objectMode: false }),
        clickhouse_settings: { ...insertSettings, ...timeLimit(timeoutMs) },
      });
      for await (const _ of stream);
    },
    async command(statement) {
      const stream = await exec(within(ownTimeoutMs), {
        query: statement,
        clickhouse_settings: { wait_end_of_query: 1 } as ClickHouseSettings,
      });
      for await (const _ of stream);
    },
    async remove({ query, params }) {
      const stream = await exec(within(removalTimeoutMs), {
        query,
        query_params: params,
        clickhouse_settings: {
          lightweight_deletes_sync: "2",
          mutations_sync: "2",
          wait_end_of_query: 1,
        } as ClickHouseSettings,
      });
      for await (const _ of stream);
    },
    async close() {
      await Promise.all(kills);
      await client.close();
    },
  };
}

/** In whole seconds, for the server may round them. */
function timeLimit(timeoutMs: number): ClickHouseSettings {
  return { max_execution_time: Math.max(1, Math.ceil(timeoutMs / 1000)), timeout_overflow_mode: "throw" };
}

function cancelled(): WeirError {
  return new WeirError("CANCELLED", "CANCELLED", "the question was cancelled");
}
