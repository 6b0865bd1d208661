/** Exports: all events of a selection as a file. */
import type { Selection } from "./questions.ts";

/**
 * Form of the file, each as the contract's ExportFormat says it. Lines are ordered by timestamp, id and user_id, all
 * ascending; a Parquet file has no order.
 */
export type ExportFormat = "ndjson" | "csv" | "parquet";

export interface ExportQuestion {
  readonly selection: Selection;
  readonly format: ExportFormat;
}

/** Greatest number of bytes in one piece of an export. */
export const maxPieceBytes = 1024 ** 2;
