/**
 * The thread that owns the DuckDB instance. Writes come one after the other, queries run beside them. It answers each
 * request once, and ends after `close`.
 */
import "./whole-texts.ts";
import { parentPort, workerData } from "node:worker_threads";
import { WeirError } from "../../domain/errors.ts";
import { releaseStartMemory } from "../../domain/heap.ts";
import { BrokenBlockError } from "../../domain/record/block.ts";
import { StoreStartError } from "../store.ts";
import type { Failure, Notice, Reply, Request, WorkerOptions } from "./protocol.ts";
import { openSession, type Session } from "./session.ts";

if (parentPort === null) throw new Error("this module is a worker's");
const port = parentPort;
let warnings: string[] = [];

/** @param given buffers that are the receiver's from now on */
function reply(message: Reply, given: readonly ArrayBuffer[] = []): void {
  const told = warnings;
  warnings = [];
  port.postMessage(told.length === 0 ? message : { ...message, warnings: told }, given);
}

function failureOf(error: unknown): Failure {
  if (error instanceof WeirError) {
    return { type: "weir", code: error.code, reason: error.reason, message: error.message };
  }
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof BrokenBlockError) {
    return { type: "brokenBlock", code: "INTERNAL", reason: "INTERNAL", message };
  }
  const type = error instanceof StoreStartError ? "start" : "weir";
  return { type, code: "UNAVAILABLE", reason: "STORE_UNAVAILABLE", message };
}

async function answer(session: Session, request: Exclude<Request, Notice>): Promise<unknown> {
  switch (request.kind) {
    case "query":
      return session.read(request.id, (reader) =>
        reader.query(request.id, request.statements, request.layout),
      );
    case "sequence":
      return session.read(request.id, (reader) => reader.sequence(request.id, request, request.layout));
    case "lines":
      return session.read(request.id, (reader) =>
        reader.lines(request.id, request.statement, request.maxBytes, request.layout),
      );
    case "copy":
      return session.read(request.id, (reader) => reader.copy(request.id, request.statement, request.layout));
    case "apply":
      return session.write((writer) => writer.apply(request.blocks));
    case "bind":
      return session.write((writer) => writer.bind(request.logId, request.partitions));
    case "skipTo":
      return session.write((writer) => writer.skipTo(request.starts));
    case "removeBefore":
      return session.write((writer) => writer.removeBefore(request.beforeUs, request.project));
    case "forgetIds":
      return session.write((writer) => writer.forgetIds(request.receivedBeforeMs, request.from));
    case "discard":
      return session.write((writer) => writer.discard(request.statement));
    case "close":
      return session.close();
  }
}

/** Reads run beside each other and beside the writes. */
function isRead({ kind }: Request): boolean {
  return reads.has(kind);
}

const reads: ReadonlySet<Request["kind"]> = new Set(["query", "sequence", "lines", "copy"]);

/** Lines are many bytes, which are not copied between the threads. */
function buffersOf(result: unknown): ArrayBuffer[] {
  const { pieces = [] } = (result ?? {}) as { pieces?: readonly Uint8Array<ArrayBuffer>[] };
  return pieces.map(({ buffer }) => buffer);
}

function serve(session: Session): void {
  /** The end of the write before. */
  let written: Promise<void> = Promise.resolve();

  async function handle(request: Exclude<Request, Notice>): Promise<void> {
    const state = () => (isRead(request) || request.kind === "close" ? {} : { state: session.state });
    try {
      const result = await answer(session, request);
      reply({ id: request.id, answer: result, ...state() }, buffersOf(result));
    } catch (error) {
      reply({ id: request.id, failure: failureOf(error), ...state() });
    }
    if (request.kind === "close") port.close();
  }

  port.on("message", (request: Request) => {
    if (request.kind === "cancel") session.cancel(request.id);
    else if (request.kind === "foresee") session.foresee(request.blocks);
    else if (isRead(request)) void handle(request);
    else written = written.then(() => handle(request));
  });
}

try {
  const session = await openSession(workerData as WorkerOptions, Date.now, (warning) =>
    warnings.push(warning),
  );
  serve(session);
  await releaseStartMemory();
  reply({ id: 0, state: session.state });
} catch (error) {
  reply({ id: 0, failure: failureOf(error) });
}
