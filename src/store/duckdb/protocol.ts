/** What the serving thread and the store's worker say to each other. */
import type { ErrorCode, ErrorReason } from "../../domain/errors.ts";
import type { Block } from "../../domain/record/block.ts";
import type { KeyColumnLimits } from "../apply/census.ts";
import type { LinesPage } from "../sql/exports/pages.ts";
import type { Statement } from "../sql/fragment.ts";
import type { Table } from "../sql/plan.ts";
import type { Feed } from "../sql/sequences/feed.ts";
import type { SequenceResult, SequenceTask } from "../sql/sequences/plan.ts";
import type { ApplyResult } from "../store.ts";
import type { IdOptions } from "./copies.ts";
import type { Forgotten } from "./id-table.ts";
import type { Layout } from "./layout.ts";

/** What the worker opens. */
export interface WorkerOptions {
  readonly path: string;
  /** Where exports are written on their way out: the one folder that a statement can write to. Absolute. */
  readonly exportsFolder: string;
  /** As DuckDB writes it, such as 1GiB. */
  readonly memoryLimit: string;
  readonly threads: number;
  readonly keyColumns: KeyColumnLimits;
  /** Absent: the log drops all copies itself. */
  readonly ids: IdOptions | undefined;
}

/** What the store holds, as of the last thing committed. */
export interface StoreState {
  readonly logId: string | undefined;
  readonly positions: readonly number[];
  readonly rows: number;
  readonly users: number;
  readonly layout: Layout;
}

/** A call's request and what it answers, by kind. */
export interface Calls {
  bind: { request: { logId: string; partitions: number }; answer: undefined };
  apply: { request: { blocks: readonly Block[] }; answer: ApplyResult };
  skipTo: { request: { starts: readonly number[] }; answer: undefined };
  removeBefore: { request: { beforeUs: number; project: string | undefined }; answer: number };
  forgetIds: { request: { receivedBeforeMs: number; from: Uint8Array | undefined }; answer: Forgotten };
  discard: { request: { statement: Statement }; answer: number };
  query: { request: { statements: readonly Statement[]; layout: Layout }; answer: QueryAnswer };
  sequence: { request: SequenceRequest & { layout: Layout }; answer: SequenceAnswer };
  lines: {
    request: { statement: Statement; maxBytes: number; layout: Layout };
    answer: LinesPage | OtherLayout;
  };
  copy: {
    request: { statement: Statement; layout: Layout };
    answer: { readonly rows: number } | OtherLayout;
  };
  close: { request: Record<never, never>; answer: undefined };
}

/** A state machine's rows, and what it is to do with them. */
export interface SequenceRequest {
  readonly feed: Feed;
  readonly task: SequenceTask;
}

/** As QueryAnswer. */
export type SequenceAnswer =
  | { readonly result: SequenceResult; readonly dictionary: readonly string[] }
  | OtherLayout;

/** Tables; or, where the statements were made for another layout than the data now has, that layout. */
export type QueryAnswer = { readonly tables: readonly Table[] } | OtherLayout;

export interface OtherLayout {
  readonly layout: Layout;
}

export type CallKind = keyof Calls;

/** To the worker. */
export type Request =
  | { readonly [K in CallKind]: { readonly id: number; readonly kind: K } & Calls[K]["request"] }[CallKind]
  | Notice;

/** What is answered by nothing. */
export type Notice =
  | { readonly kind: "cancel"; readonly id: number }
  /** What is likely to be applied next. */
  | { readonly kind: "foresee"; readonly blocks: readonly Block[] };

/** An error that crosses the threads. */
export interface Failure {
  readonly code: ErrorCode;
  readonly reason: ErrorReason;
  readonly message: string;
  /** Which class it becomes again. */
  readonly type: "weir" | "brokenBlock" | "start";
}

/** From the worker; the answer to the start has id 0. `state` is there wherever it may have changed. */
export interface Reply {
  readonly id: number;
  readonly answer?: unknown;
  readonly failure?: Failure;
  readonly state?: StoreState;
  /** What the operator should know, such as a write-ahead file that was put aside. */
  readonly warnings?: readonly string[];
}
