import type { Connection } from "./connection.ts";
import { countRows } from "./removal.ts";

/** How many rows there are, about: what others add is counted now and then. */
export interface RowCount {
  readonly rows: number;
  /** What this process has added, or removed. */
  add(rows: number): void;
  /** Others have written: counts anew, later where that was done lately. */
  othersWrote(): void;
  close(): void;
}

/** How long the number may be without what others have added. In milliseconds. */
const ageMs = 10_000;

export async function createRowCount(connection: Connection): Promise<RowCount> {
  let rows = await countRows(connection);
  let countedMs = performance.now();
  let later: NodeJS.Timeout | undefined;

  function count(): void {
    later = undefined;
    countedMs = performance.now();
    // Where it fails the next one will do.
    void countRows(connection).then(
      (counted) => {
        rows = counted;
      },
      () => {},
    );
  }

  return {
    get rows() {
      return rows;
    },
    add(more) {
      rows += more;
    },
    othersWrote() {
      if (later !== undefined) return;
      const leftMs = ageMs - (performance.now() - countedMs);
      if (leftMs <= 0) count();
      else later = setTimeout(count, leftMs).unref();
    },
    close: () => clearTimeout(later),
  };
}
