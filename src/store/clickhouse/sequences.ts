/** Runs state machines over rows as ClickHouse streams them. */
import { compareUtf8 } from "../../filter/order.ts";
import type { Rows } from "../../sequence/sequence.ts";
import type { Feed } from "../sql/sequences/feed.ts";
import { orderById } from "../sql/sequences/id-order.ts";
import { createMachine } from "../sql/sequences/machine.ts";
import type { SequenceResult, SequenceTask } from "../sql/sequences/plan.ts";
import type { NativeBlock } from "./native/blocks.ts";
import type { NativeColumn, Numbers } from "./native/column.ts";

export interface SequenceRun {
  readonly result: SequenceResult;
  /** Texts of the codes in the result. */
  readonly texts: readonly string[];
}

export async function runSequence(
  task: SequenceTask,
  feed: Feed,
  blocks: AsyncIterable<NativeBlock>,
): Promise<SequenceRun> {
  const codes = createCodes();
  const users = createUserNumbers();
  const machine = createMachine(task, (a, b) => compareUtf8(codes.texts[a]!, codes.texts[b]!));
  const ordered = feed.byId ? orderById(machine.push) : undefined;
  for await (const { rowCount, columns } of blocks) {
    if (rowCount === 0) continue;
    const arrays = feed.columns.map((name, i) => {
      const column = columns[i]!;
      if (name === "users") return [name, users.number(column, rowCount)];
      if (name === "values") return [name, codes.of(column, rowCount)];
      const items = numbersOf(column);
      const bits = name === "masks" || name === "excluded";
      return [name, bits ? new Uint32Array(items.buffer, items.byteOffset, items.length) : items];
    });
    const rows = { masks: noMasks, ...Object.fromEntries(arrays), length: rowCount } as Rows;
    if (ordered) ordered.push(rows, idsOf(columns[feed.columns.length]));
    else machine.push(rows);
  }
  ordered?.end();
  return { result: machine.finish(), texts: codes.texts };
}

const noMasks = new Uint32Array();

/** Numbers users from 1 as they come: a user's rows stand together. */
function createUserNumbers() {
  let last = new Uint32Array(4);
  let count = 0;
  return {
    number(column: NativeColumn, rowCount: number): Int32Array {
      if (column.kind !== "keys") throw new TypeError("a feed's users are no keys");
      const { words } = column;
      const numbers = new Int32Array(rowCount);
      for (let row = 0, at = 0; row < rowCount; row++, at += 4) {
        const same =
          words[at] === last[0] &&
          words[at + 1] === last[1] &&
          words[at + 2] === last[2] &&
          words[at + 3] === last[3];
        if (!same || count === 0) {
          last = words.subarray(at, at + 4) as typeof last;
          count++;
        }
        numbers[row] = count;
      }
      return numbers;
    },
  };
}

/** Codes texts by their first use. */
function createCodes() {
  const texts: string[] = [];
  const codes = new Map<string, number>();
  const codeOf = (text: string): number => {
    const known = codes.get(text);
    if (known !== undefined) return known;
    codes.set(text, texts.length);
    return texts.push(text) - 1;
  };
  return {
    texts,
    of(column: NativeColumn, rowCount: number): Int32Array {
      if (column.kind !== "coded") throw new TypeError("a feed's values are no coded texts");
      const used = new Int32Array(column.texts.length).fill(-1);
      const values = new Int32Array(rowCount);
      for (let row = 0; row < rowCount; row++) {
        const index = column.indexes[row]!;
        // A block's dictionary may have texts that no row uses.
        if (used[index]! < 0) used[index] = codeOf(column.texts[index] ?? "");
        values[row] = used[index]!;
      }
      return values;
    },
  };
}

function numbersOf(column: NativeColumn): Numbers {
  if (column.kind !== "numbers") throw new TypeError("a feed's column holds no numbers");
  return column.values;
}

function idsOf(column: NativeColumn | undefined): (row: number) => string {
  if (column?.kind !== "texts") throw new TypeError("a feed has no ids");
  return column.text;
}
