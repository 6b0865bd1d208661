/** Faults of writes to ClickHouse: between them, within them, and writes that arrive long after their caller gave up. */
import type { Connection } from "../../../src/store/clickhouse/connection.ts";

/** Random numbers that a seed decides, from 0 to below 1. */
export type Random = () => number;

export function randomOf(seed: number): Random {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

export interface Faults {
  /** Which part of the writes fails, 0 to 1. */
  rate: number;
  /** Inserts that are on their way although their callers gave up; each passed the server's check before. */
  readonly late: (() => Promise<void>)[];
  wrap(connection: Connection): Connection;
}

/** As a caller sees a connection that broke off. */
const broken = () => new Error("the connection broke off");

export function createFaults(random: Random): Faults {
  const late: Faults["late"] = [];
  const faults: Faults = {
    rate: 0,
    late,
    wrap: (connection) => ({
      ...connection,
      async insert(statement, rows, timeoutMs) {
        if (random() >= faults.rate) return connection.insert(statement, rows, timeoutMs);
        const kind = Math.floor(random() * 4);
        if (kind === 1) await connection.insert(statement, rows, timeoutMs);
        // Parts of different months land one by one.
        if (kind === 2 && statement.includes("received_us")) {
          await connection.insert(
            `${statement} AND intDiv(received_us, 2678400000000) % 2 = 0`,
            rows,
            timeoutMs,
          );
        }
        if (kind === 3 && (await passes(connection, statement))) {
          late.push(() => connection.insert(unchecked(statement), rows, timeoutMs));
        }
        throw broken();
      },
      async command(statement) {
        if (random() >= faults.rate) return connection.command(statement);
        if (random() < 0.5) await connection.command(statement);
        throw broken();
      },
    }),
  };
  return faults;
}

const check = / WHERE throwIf\(.*$/s;

/** Whether the server's check for fences lets the statement pass now. */
async function passes(connection: Connection, statement: string): Promise<boolean> {
  const [condition = ""] = check.exec(statement) ?? [];
  try {
    await connection.command(`SELECT 1${condition}`);
    return true;
  } catch {
    return false;
  }
}

/** The statement behind its check for fences. */
function unchecked(statement: string): string {
  return statement.replace(check, "");
}
