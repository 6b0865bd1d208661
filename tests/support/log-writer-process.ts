/** Starts tests/support/log-writer.ts and hears what it says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import type { Stored } from "./level-log.ts";

const script = fileURLToPath(new URL("log-writer.ts", import.meta.url));
const waitMs = 60_000;

export interface LogWriter {
  readonly pid: number;
  /** Places of the records that the log has answered for, by id. */
  readonly taken: ReadonlyMap<string, { partition: number; offset: number }>;
  /** Ids that were answered with two different places; there must be none. */
  readonly torn: readonly string[];
  /** How often a call was refused, by code and reason. */
  readonly refusals: ReadonlyMap<string, number>;
  /** How often the database was opened again. */
  readonly reopened: number;
  /** Records that the reader has followed. */
  readonly read: number;
  /** Errors of the reader. */
  readonly readerErrors: readonly string[];
  /** Resolves once `condition` holds. */
  until(condition: () => boolean): Promise<void>;
  /** Kills it at once and resolves when it is gone. */
  kill(): Promise<void>;
}

export async function startLogWriter(
  directory: string,
  name: string,
  writeBufferBytes: number,
): Promise<LogWriter> {
  const child = spawn(process.execPath, [script, directory, name, String(writeBufferBytes)], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const taken = new Map<string, { partition: number; offset: number }>();
  const torn: string[] = [];
  const refusals = new Map<string, number>();
  const readerErrors: string[] = [];
  let errors = "";
  let open = false;
  let reopened = 0;
  let read = 0;
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });

  const lines = createInterface({ input: child.stdout });
  const ended = once(lines, "close");
  lines.on("line", (line) => {
    const [word, ...rest] = line.split(" ");
    if (word === "taken") {
      const [id = "", partition, offset] = rest;
      const place = { partition: Number(partition), offset: Number(offset) };
      const before = taken.get(id);
      if (before !== undefined && (before.partition !== place.partition || before.offset !== place.offset))
        torn.push(id);
      taken.set(id, place);
    } else if (word === "refused") refusals.set(rest.join(" "), (refusals.get(rest.join(" ")) ?? 0) + 1);
    else if (word === "reopened") reopened++;
    else if (word === "read") read = Number(rest[0]);
    else if (word === "reader") readerErrors.push(rest.join(" "));
    else if (word === "open") open = true;
  });

  const writer: LogWriter = {
    pid: child.pid!,
    taken,
    torn,
    refusals,
    readerErrors,
    get reopened() {
      return reopened;
    },
    get read() {
      return read;
    },
    until: (condition) =>
      vi.waitFor(
        () => {
          expect(child.exitCode, errors).toBeNull();
          expect(condition()).toBe(true);
        },
        { timeout: waitMs, interval: 5 },
      ),
    async kill() {
      child.kill("SIGKILL");
      await Promise.all([exited, ended]);
    },
  };
  try {
    await writer.until(() => open);
  } catch (error) {
    await writer.kill();
    throw error;
  }
  return writer;
}

/** Expects every record that was taken once in the log, where it was said to be, and no identity twice. */
export function expectKept(stored: readonly Stored[], writers: readonly LogWriter[]): void {
  const places = new Map<string, Stored>();
  for (const s of stored) {
    const id = s.identity.split("/")[2]!;
    expect(places.has(id), `${id} is there twice`).toBe(false);
    places.set(id, s);
  }
  for (const { taken, torn } of writers) {
    expect(torn).toEqual([]);
    for (const [id, place] of taken) expect(places.get(id), id).toMatchObject(place);
  }
}
