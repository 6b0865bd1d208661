/** Starts tests/support/store-writer.ts, or another like it, and hears what it says. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import { createDuckdbStore } from "../../src/store/duckdb/store.ts";
import { patiently } from "./store.ts";

const ofThisFolder = (script: string) => fileURLToPath(new URL(script, import.meta.url));
const waitMs = 60_000;

export interface StoreWriter {
  readonly pid: number;
  /** Positions of the last call that was answered. */
  readonly positions: readonly number[];
  /** Calls that were answered, and refused. */
  readonly applied: number;
  readonly refused: number;
  /** Codes and reasons of the refusals. */
  readonly refusals: ReadonlySet<string>;
  /** Resolves once `condition` holds. */
  until(condition: () => boolean): Promise<void>;
  /** Kills it at once and resolves when it is gone. */
  kill(): Promise<void>;
}

/** @param script of this folder, which gets the path and the other arguments */
export function startStoreWriter(path: string, script = "store-writer.ts", ...args: string[]): StoreWriter {
  const child = spawn(process.execPath, [ofThisFolder(script), path, ...args], {
    stdio: ["ignore", "pipe", "pipe"],
  });
  const exited = once(child, "exit");
  const lines = createInterface({ input: child.stdout });
  const ended = once(lines, "close");
  const refusals = new Set<string>();
  let errors = "";
  let positions: number[] = [];
  let applied = 0;
  let refused = 0;
  child.stderr.on("data", (chunk) => {
    errors += chunk;
  });
  lines.on("line", (line) => {
    const [word, ...rest] = line.split(" ");
    if (word === "applied") {
      applied++;
      positions = rest.map(Number);
    } else if (word === "refused") {
      refused++;
      refusals.add(rest.join(" "));
    }
  });
  return {
    pid: child.pid!,
    refusals,
    get positions() {
      return positions;
    },
    get applied() {
      return applied;
    },
    get refused() {
      return refused;
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
}

/** Expects in the store each record before its positions once and none beyond, and positions not before `answered`. */
export async function expectExact(path: string, answered: readonly number[]): Promise<void> {
  const store = await createDuckdbStore({ path });
  try {
    const selection = { project: "p" };
    const positions = store.positions();
    const total = positions.reduce((sum, position) => sum + position, 0);
    expect(store.stats()).toMatchObject({ rows: total, users: positions.length * 100 });
    const breakdown = await store.ask(
      {
        kind: "breakdown",
        selection,
        metric: { kind: "events" },
        dimension: { kind: "field", field: "id" },
        limit: 1,
      },
      patiently(),
    );
    expect(breakdown.total).toBe(total);
    expect(breakdown.rows[0]?.metric).toBe(1);
    for (const [partition, position] of positions.entries()) {
      expect(position).toBeGreaterThanOrEqual(answered[partition]!);
      const userId = `${partition}-${(position - 1) % 100}`;
      const { events } = await store.ask({ kind: "events", selection, userId, limit: 1000 }, patiently());
      expect(Math.max(...events.map((event) => event.offset))).toBe(position - 1);
      expect(events.every((event) => event.id === `${event.partition}-${event.offset}`)).toBe(true);
    }
    const summary = await store.ask({ kind: "summary", selection, topLimit: 1 }, patiently());
    expect(summary).toMatchObject({ totalEvents: total, uniqueUsers: positions.length * 100 });
  } finally {
    await store.close();
  }
}
