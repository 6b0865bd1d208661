/** What stands beside the position in a commit: who committed, and what stood before the position. */
import { LogStartError } from "../../log.ts";
import type { Mark } from "../mark.ts";

export interface CommitMetadata {
  /** Of the owner that committed; 0 where the commit says none, such as one by an operator's tool. */
  readonly epoch: number;
  /** Of the position; absent where it was not known. */
  readonly mark?: Mark | undefined;
}

/** The second form says of which batch the record before the position was. */
const forms = ["weir/1", "weir/2"];

export function encodeMetadata({ epoch, mark }: CommitMetadata): string {
  if (mark === undefined) return `weir/1 epoch=${epoch}`;
  const { firstOffset, producerId, sequence, timeMs } = mark;
  return `weir/2 epoch=${epoch} batch=${firstOffset},${producerId},${sequence},${timeMs}`;
}

const first = /^weir\/1 epoch=(\d{1,16})$/;
const second = /^weir\/2 epoch=(\d{1,16}) batch=(\d{1,16}),(-?\d{1,19}),(-?\d{1,10}),(-?\d{1,16})$/;

/**
 * @param position that was committed
 * @throws LogStartError where it is of a later form of ours; what is none of ours says no epoch
 */
export function decodeMetadata(metadata: string, position: number): CommitMetadata {
  const [, epoch] = first.exec(metadata) ?? [];
  if (epoch !== undefined) return { epoch: Number(epoch) };
  const marked = second.exec(metadata);
  if (marked !== null) {
    const [owner, firstOffset, producerId, sequence, timeMs] = marked.slice(1) as [
      string,
      string,
      string,
      string,
      string,
    ];
    const mark = {
      end: position,
      firstOffset: Number(firstOffset),
      producerId,
      sequence: Number(sequence),
      timeMs: Number(timeMs),
    };
    return { epoch: Number(owner), mark };
  }
  if (!metadata.startsWith("weir/")) return { epoch: 0 };
  const what = `the group's offsets have the form ${JSON.stringify(metadata.slice(0, 100))}`;
  throw new LogStartError(
    `${what}, this program reads ${forms.join(" and ")}: run the newer version that wrote them`,
  );
}
