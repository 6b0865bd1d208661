/**
 * Reads the log for all members together. Those that have caught up share one place, the head, and each new record is
 * read and decoded once for them. Those that are still behind share what lies between them and the head in the same way,
 * in turns, so that they do not hold the others up.
 */
import type { LogReader } from "../log/log.ts";
import { type FeedMember, isReady } from "./member.ts";
import { createRunReader, type Run, type RunStats } from "./run.ts";

export interface Feed {
  /** Positions beyond the head are moved to it. */
  add(member: FeedMember): void;
  remove(member: FeedMember): void;
  /** Whether a member has been given all that was on the log when it came. */
  atHead(member: FeedMember): boolean;
  /** A member has room again. */
  wake(): void;
  /** Why some of the log cannot be read; empty where all can. */
  readonly trouble: string;
  stats(): RunStats & { readonly members: number; readonly behind: number };
  close(): Promise<void>;
}

export interface FeedOptions {
  readonly log: LogReader;
  /** As the hub's. */
  readonly foreign: boolean;
  /** Least time between two reads of what is new, in milliseconds: so one read serves many writes. */
  readonly intervalMs: number;
  /** Longest that records are worked on before everybody else has a turn, in milliseconds. */
  readonly sliceMs: number;
  /** Told of a failure to read the log. */
  readonly onError: (error: unknown) => void;
}

/** About how much is read at once for those who are behind, of all partitions. */
const behindBytes = 512 * 1024;
/** About how much is read at once of what is new, of all partitions. */
const headBytes = 4 * 1024 * 1024;
const retryMs = 1000;

export function createFeed({ log, foreign, intervalMs, sliceMs, onError }: FeedOptions): Feed {
  const members = new Set<FeedMember>();
  const heads = log.ends().slice();
  const reader = createRunReader({ log, foreign, members, heads, sliceMs });
  let trouble = "";
  let closed = false;
  let loop: Promise<void> | undefined;
  let wake = () => {};
  let unsubscribe = () => {};

  const isAtHead = (member: FeedMember, partition: number) =>
    member.positions[partition]! >= heads[partition]!;
  /** Whether the head has somebody to read for; else it waits. */
  const someAtHead = (partition: number) => {
    for (const member of members) if (isAtHead(member, partition) && isReady(member)) return true;
    return false;
  };

  async function readHead(): Promise<void> {
    // To the ends as they were: what comes meanwhile waits for the next round.
    const ends = log.ends();
    for (let moved = true; moved && !closed; ) {
      const runs = ends.flatMap((until, partition): Run[] => {
        const from = heads[partition]!;
        return from < until && someAtHead(partition) ? [{ partition, from, until }] : [];
      });
      if (runs.length === 0) return;
      moved = await reader.read(runs, headBytes / runs.length);
    }
  }

  /** One read for those furthest behind, of each partition. Answers whether any was made. */
  async function readBehind(): Promise<boolean> {
    const runs = heads.flatMap((head, partition): Run[] => {
      const at = [...members].filter(({ positions }) => positions[partition]! < head);
      const from = Math.min(...at.filter(isReady).map(({ positions }) => positions[partition]!));
      if (from === Number.POSITIVE_INFINITY) return [];
      // Up to the next who waits there, who then comes along.
      const next = at.map(({ positions }) => positions[partition]!).filter((position) => position > from);
      return [{ partition, from, until: Math.min(head, ...next) }];
    });
    return runs.length > 0 && (await reader.read(runs, behindBytes / runs.length));
  }

  function pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      timer.unref();
      ended = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
  /** Cuts a pause short as the feed ends. */
  let ended = () => {};

  async function run(): Promise<void> {
    let lastHead = Number.NEGATIVE_INFINITY;
    while (members.size > 0 && !closed) {
      const woken = new Promise<void>((resolve) => {
        wake = resolve;
      });
      try {
        if (performance.now() - lastHead >= intervalMs) {
          lastHead = performance.now();
          await readHead();
        }
        const moved = await readBehind();
        trouble = reader.trouble;
        if (moved || closed) continue;
        if (!log.ends().some((end, partition) => end > heads[partition]! && someAtHead(partition))) {
          await woken;
        }
        if (closed) return;
        const rest = intervalMs - (performance.now() - lastHead);
        if (rest > 0) await pause(rest);
      } catch (error) {
        trouble = `the log cannot be read: ${(error as Error).message}`;
        onError(error);
        await pause(retryMs);
      }
    }
  }

  function start(): void {
    unsubscribe = log.onAppend(() => wake());
    loop = run().finally(() => {
      unsubscribe();
      loop = undefined;
      // Somebody may have come as the last one left.
      if (members.size > 0 && !closed) start();
    });
  }

  return {
    add(member) {
      for (const [partition, end] of log.ends().entries()) {
        if (!someAtHead(partition)) heads[partition] = end;
        member.positions[partition] = Math.min(member.positions[partition] ?? end, heads[partition]!);
      }
      members.add(member);
      wake();
      if (loop === undefined && !closed) start();
    },
    remove(member) {
      members.delete(member);
      wake();
    },
    atHead: (member) => heads.every((_, partition) => isAtHead(member, partition)),
    wake: () => wake(),
    get trouble() {
      return trouble;
    },
    stats: () => ({
      ...reader.stats(),
      members: members.size,
      behind: [...members].filter((member) => !heads.every((_, p) => isAtHead(member, p))).length,
    }),
    async close() {
      closed = true;
      wake();
      ended();
      await loop;
    },
  };
}
