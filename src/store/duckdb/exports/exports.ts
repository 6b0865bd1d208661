import { randomUUID } from "node:crypto";
import { type FileHandle, mkdir, open, rm } from "node:fs/promises";
import { join } from "node:path";
import { WeirError } from "../../../domain/errors.ts";
import { type ExportQuestion, maxPieceBytes } from "../../exports.ts";
import { endedBy } from "../../slots.ts";
import { type ExportRunner, exportLines } from "../../sql/exports/pages.ts";
import type { AskOptions, EventStore } from "../../store.ts";
import type { Link } from "../link.ts";
import type { Ask } from "../present-layout.ts";
import { copyToParquet } from "./parquet.ts";

export interface ExportsOptions {
  readonly link: Link;
  /** Runs what exports ask, beside questions. */
  readonly ask: Ask;
  /** Where files stand until they are read; see WorkerOptions. */
  readonly folder: string;
}

/** Lines come page by page, a Parquet file is written as a whole and then read. */
export function createExports({ link, ask, folder }: ExportsOptions): EventStore["export"] {
  return (question, asked) => {
    const { format, selection } = question;
    if (format === "parquet") return parquet(question, asked);
    const runner: ExportRunner = {
      async table(make) {
        const { answer } = await ask(
          make,
          (statement, layout) => link.call("query", { statements: [statement], layout }),
          asked,
        );
        return answer.tables[0]!;
      },
      async lines(make, maxBytes) {
        const { answer } = await ask(
          make,
          (statement, layout) => link.call("lines", { statement, maxBytes, layout }),
          asked,
        );
        return answer;
      },
    };
    return exportLines(runner, { selection, offsets: link.state.positions }, format);
  };

  async function* parquet(question: ExportQuestion, asked: AskOptions): AsyncGenerator<Uint8Array> {
    const file = join(folder, `${randomUUID()}.parquet`);
    let written: Promise<unknown> | undefined;
    try {
      await mkdir(folder, { recursive: true });
      await ask(
        (engine, layout) => copyToParquet(engine, layout, question, file),
        (statement, layout) => {
          const call = link.call("copy", { statement, layout });
          written = call.answer;
          return call;
        },
        asked,
      );
      const handle = await open(file);
      // Its bytes are there until the handle is closed, even by the end of the process.
      await rm(file);
      yield* readPieces(handle, asked.signal);
    } catch (error) {
      throw fileError(error, file);
    } finally {
      // Who gave up early does not wait for the writing to end.
      void Promise.allSettled([written]).then(() => rm(file, { force: true }));
    }
  }
}

/** What is said of the file, as on a full disk, without the server's name for it. */
function fileError(error: unknown, file: string): unknown {
  if (!(error instanceof Error) || !error.message.includes(file)) return error;
  const message = error.message.replaceAll(file, "the export");
  return new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", message, { cause: error });
}

/** The file's bytes; the handle is closed at the end, or as soon as the signal is aborted. */
async function* readPieces(handle: FileHandle, signal: AbortSignal): AsyncGenerator<Uint8Array> {
  const close = () => handle.close().catch(() => {});
  signal.addEventListener("abort", close, { once: true });
  try {
    for (;;) {
      if (signal.aborted) throw endedBy(signal);
      const { bytesRead, buffer } = await handle.read(new Uint8Array(maxPieceBytes), 0, maxPieceBytes);
      if (bytesRead === 0) return;
      yield buffer.subarray(0, bytesRead);
    }
  } finally {
    signal.removeEventListener("abort", close);
    await close();
  }
}
