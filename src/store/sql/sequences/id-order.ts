import { compareUtf8 } from "../../../filter/order.ts";
import type { Rows } from "../../../sequence/sequence.ts";

/** Takes rows by user and time, and passes them on so that those of the same user and time come by id. */
export interface IdOrder {
  /** @param idOf id of a row, asked only where several rows of an instant differ; it stays valid until the end */
  push(rows: Rows, idOf: (row: number) => string): void;
  /** Passes on what is left. */
  end(): void;
}

/** Rows [from, to) of a chunk. */
interface Part {
  readonly rows: Rows;
  readonly idOf: (row: number) => string;
  readonly from: number;
  readonly to: number;
}

type Column = Exclude<keyof Rows, "length">;
type Numbers = Int32Array | Uint32Array | Float64Array;

/** Memory: the chunks that the instant at hand lies in. */
export function orderById(push: (rows: Rows) => void): IdOrder {
  /** The last instant so far, which the next chunk may go on. */
  let open: Part[] = [];

  function close(): void {
    pushInOrder(open);
    open = [];
  }

  /** One instant of one user. */
  function pushInOrder(parts: readonly Part[]): void {
    const length = parts.reduce((sum, { from, to }) => sum + to - from, 0);
    if (length === 0) return;
    if (length === 1 || allSame(parts)) {
      for (const { rows, from, to } of parts) push(cut(rows, from, to));
      return;
    }
    const places = parts.flatMap((part) =>
      Array.from({ length: part.to - part.from }, (_, i) => ({
        rows: part.rows,
        row: part.from + i,
        id: part.idOf(part.from + i),
      })),
    );
    places.sort((a, b) => compareUtf8(a.id, b.id));
    const gathered = mapColumns(parts[0]!.rows, (column, name) => {
      const made = new (column.constructor as new (length: number) => Numbers)(length);
      places.forEach(({ rows, row }, i) => {
        made[i] = rows[name]![row]!;
      });
      return made;
    });
    push({ ...gathered, length });
  }

  return {
    push(rows, idOf) {
      const { length, users, times } = rows;
      const sameInstant = (a: number, b: number) => users[a] === users[b] && times[a] === times[b];
      let done = 0;
      const [last] = open.slice(-1);
      if (last) {
        const goesOn = (row: number) =>
          users[row] === last.rows.users[last.from] && times[row] === last.rows.times[last.from];
        while (done < length && goesOn(done)) done++;
        if (done > 0) open.push({ rows, idOf, from: 0, to: done });
        if (done === length) return;
        close();
      }
      // All rows from `done` on that need no other order go together.
      let from = done;
      while (from < length) {
        let to = from + 1;
        while (to < length && sameInstant(from, to)) to++;
        if (to === length) break;
        if (to - from > 1 && !allSame([{ rows, idOf, from, to }])) {
          if (from > done) push(cut(rows, done, from));
          pushInOrder([{ rows, idOf, from, to }]);
          done = to;
        }
        from = to;
      }
      if (from > done) push(cut(rows, done, from));
      open = [{ rows, idOf, from, to: length }];
    },
    end: close,
  };
}

const columnNames = ["users", "times", "masks", "excluded", "values", "sessions"] as const satisfies Column[];

/** The columns that the rows have; an empty one stays as it is. */
function mapColumns(rows: Rows, map: (column: Numbers, name: Column) => Numbers): Omit<Rows, "length"> {
  const columns = columnNames.flatMap((name) => {
    const column = rows[name];
    if (column === undefined) return [];
    return [[name, column.length === 0 ? column : map(column, name)]];
  });
  return Object.fromEntries(columns) as Omit<Rows, "length">;
}

function cut(rows: Rows, from: number, to: number): Rows {
  return { ...mapColumns(rows, (column) => column.subarray(from, to)), length: to - from };
}

/** Whether the rows are alike in all that a machine sees of them, so that their order does not matter. */
function allSame(parts: readonly Part[]): boolean {
  const [{ rows: first, from: at }] = parts as [Part];
  return columnNames.every((name) => {
    const value = first[name]?.[at];
    return parts.every(({ rows, from, to }) => {
      for (let row = from; row < to; row++) if (rows[name]?.[row] !== value) return false;
      return true;
    });
  });
}
