import { Worker } from "node:worker_threads";
import { WeirError } from "../../domain/errors.ts";
import { type Block, BrokenBlockError } from "../../domain/record/block.ts";
import { StoreStartError } from "../store.ts";
import type { CallKind, Calls, Failure, Reply, Request, StoreState, WorkerOptions } from "./protocol.ts";

/** The serving thread's end of the store's worker. */
export interface Link {
  /** What the worker said last that it holds. */
  readonly state: StoreState;
  /** Why the worker is gone; undefined while it lives. */
  readonly lost: string | undefined;
  /** How long the worker's thread has been busy since it began, in milliseconds; what DuckDB's own threads do is not in it. */
  activeMs(): number;
  call<K extends CallKind>(kind: K, request: Calls[K]["request"]): PendingCall<Calls[K]["answer"]>;
  /** As of EventStore. */
  foresee(blocks: readonly Block[]): void;
  /** Closes the database and ends the worker; once, however often it is called. */
  close(): Promise<void>;
}

export interface PendingCall<T> {
  readonly answer: Promise<T>;
  /** Ends a query early; its answer still comes, as CANCELLED where it was not too late. */
  cancel(): void;
}

interface Waiting {
  resolve(answer: unknown): void;
  reject(error: Error): void;
}

/**
 * Applying makes much that is soon forgotten. V8's default lets three times as much of it stand about, at no gain in
 * speed: 100 MB more of memory.
 */
const maxYoungGenerationSizeMb = 24;

/**
 * Starts the worker, which opens the database.
 *
 * @param warn tells the operator
 * @throws StoreStartError
 */
export async function startWorker(options: WorkerOptions, warn: (message: string) => void): Promise<Link> {
  const entry = import.meta.url.endsWith(".ts") ? "./worker.ts" : "./worker.js";
  const worker = new Worker(new URL(entry, import.meta.url), {
    workerData: options,
    name: "store",
    resourceLimits: { maxYoungGenerationSizeMb },
  });
  const waiting = new Map<number, Waiting>();
  let state: StoreState = { logId: undefined, positions: [], rows: 0, users: 0, layout: [] };
  let lost: string | undefined;
  let nextId = 1;

  const lose = (message: string) => {
    lost ??= message;
    for (const { reject } of waiting.values()) reject(workerLost(lost));
    waiting.clear();
  };
  const { promise: exited, resolve: onExit } = Promise.withResolvers<void>();
  worker.on("error", (error) => lose(`the store's thread failed: ${error.message}`));
  worker.on("exit", () => {
    lose("the store is closed");
    onExit();
  });
  worker.on("message", (reply: Reply) => {
    if (reply.state !== undefined) state = reply.state;
    for (const warning of reply.warnings ?? []) warn(warning);
    const caller = waiting.get(reply.id);
    waiting.delete(reply.id);
    if (reply.failure === undefined) caller?.resolve(reply.answer);
    else caller?.reject(errorOf(reply.failure));
  });

  function call<K extends CallKind>(kind: K, request: Calls[K]["request"]): PendingCall<Calls[K]["answer"]> {
    if (lost !== undefined) return { answer: Promise.reject(workerLost(lost)), cancel() {} };
    const id = nextId++;
    const { promise, resolve, reject } = Promise.withResolvers<unknown>();
    waiting.set(id, { resolve, reject });
    worker.postMessage({ ...request, kind, id } as Request);
    const cancel = () => worker.postMessage({ kind: "cancel", id } satisfies Request);
    return { answer: promise as Promise<Calls[K]["answer"]>, cancel };
  }

  let closed: Promise<void> | undefined;
  async function close(): Promise<void> {
    // A worker that is gone has nothing left to close.
    if (lost === undefined) await call("close", {}).answer.finally(() => exited);
    await exited;
  }

  const { promise: started, resolve, reject } = Promise.withResolvers<unknown>();
  waiting.set(0, { resolve, reject });
  try {
    await started;
  } catch (error) {
    await worker.terminate();
    throw error;
  }
  return {
    get state() {
      return state;
    },
    get lost() {
      return lost;
    },
    activeMs: () => worker.performance.eventLoopUtilization().active,
    call,
    foresee(blocks) {
      if (lost === undefined) worker.postMessage({ kind: "foresee", blocks } satisfies Request);
    },
    close() {
      closed ??= close();
      return closed;
    },
  };
}

function errorOf({ type, code, reason, message }: Failure): Error {
  if (type === "brokenBlock") return new BrokenBlockError(message);
  if (type === "start") return new StoreStartError(message);
  return new WeirError(code, reason, message);
}

function workerLost(message: string): WeirError {
  return new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", message);
}
