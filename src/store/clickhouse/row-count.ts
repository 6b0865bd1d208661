import type { Connection } from "./connection.ts";
import { countRows } from "./removal.ts";

/** How many rows there are, about: what others add is counted now and then. */
export interface RowCount {
  readonly rows: number;
  /** What this process has added, or removed. */
  add(rows: number): void;
  /** Others have written: counts anew, unless that was done lately. */
  othersWrote(): void;
}

/** How long the number may be without what others have added. In milliseconds. */
const ageMs = 10_000;

export async function createRowCount(connection: Connection, now: () => number): Promise<RowCount> {
  let rows = await countRows(connection);
  let countedMs = now();
  return {
    get rows() {
      return rows;
    },
    add(more) {
      rows += more;
    },
    othersWrote() {
      if (now() - countedMs < ageMs) return;
      countedMs = now();
      // Where it fails the next one will do.
      void countRows(connection).then(
        (counted) => {
          rows = counted;
        },
        () => {},
      );
    },
  };
}
