/** A member of a group over its whole life: it joins, holds what it is given, hands it over, and joins again. */
import { pause } from "../../../domain/pause.ts";
import { whenAborted } from "../../../domain/when-aborted.ts";
import { typeOf } from "./coordinator.ts";
import { startHeartbeats } from "./heartbeats.ts";
import { createGroupProtocol, type GroupProtocolOptions, type Joined } from "./protocol.ts";
import { type Claim, noClaim } from "./strategy.ts";

/** What a member holds in one generation of its group. */
export interface Tenure extends Joined {
  /** Whether it has handed it over, or lost it. */
  isOver: boolean;
  /** Begins to hand it over. */
  readonly end: () => void;
  /** Greatest epoch known of a partition's commits. */
  readonly epochs: Map<number, number>;
}

export interface MemberOptions extends GroupProtocolOptions {
  readonly onRevoke: (partitions: readonly number[]) => Promise<void>;
  readonly onJoined?: (partitions: readonly number[]) => void;
  readonly onTrouble?: (why: string) => void;
  readonly givenUp?: AbortSignal;
}

export interface Member {
  /** What may be applied now; none while that is being settled anew. */
  readonly partitions: readonly number[];
  /** What may be committed now: also what is being handed over. */
  readonly tenure: Tenure | undefined;
  /** What it was last given, held or not. */
  readonly given: readonly number[];
  /** How often the group has given it something, or nothing. */
  readonly rebalances: number;
  /** How long it has held no membership, in milliseconds; 0 where it does. */
  readonly outsideMs: number;
  /** Why it did not get on last; empty if it ever did. */
  readonly trouble: string;
  onChange(listener: () => void): () => void;
  /** Gives up what is held, as if it were lost, and gets it back in another generation. */
  renounce(held: Tenure, cause: unknown): void;
  /** @param timeoutMs how long it may take to hand over */
  close(timeoutMs: number): Promise<void>;
}

/** Pauses after failures, in milliseconds. */
const pauses = { least: 50, most: 2000 };
const none: readonly number[] = [];
/** How long the coordinator may take to hear of our leaving; it finds out by itself, after the session timeout. */
const leaveTimeoutMs = 2000;

export function startMember(options: MemberOptions): Member {
  const { sessionTimeoutMs, rebalanceTimeoutMs, onRevoke } = options;
  const closing = new AbortController();
  const listeners = new Set<() => void>();
  let protocol = createGroupProtocol(options);
  let memberId = "";
  let claim: Claim = noClaim;
  let tenure: Tenure | undefined;
  let partitions = none;
  let rebalances = 0;
  let trouble = "";
  let outsideSince: number | undefined = performance.now();

  function give(given: readonly number[]): void {
    if (given.length === 0 && partitions.length === 0) return;
    partitions = given;
    for (const listener of listeners) listener();
  }

  function lose(held: Tenure, cause: unknown): void {
    held.isOver = true;
    trouble = (cause as Error).message;
    if (typeOf(cause) === "UNKNOWN_MEMBER_ID") memberId = "";
    if (held === tenure) give(none);
    held.end();
  }

  /** Until the group changes, or the member is lost, or it is closed. */
  async function hold(held: Tenure, ended: Promise<void>): Promise<void> {
    const stop = startHeartbeats({
      beat: () => protocol.heartbeat(held),
      sessionTimeoutMs,
      onRebalance: held.end,
      onLost: (cause) => lose(held, cause),
    });
    closing.signal.addEventListener("abort", held.end);
    try {
      give(held.partitions);
      await ended;
      outsideSince = performance.now();
      give(none);
      // The heartbeats go on meanwhile, since the group waits for us only as long as we live.
      if (held.partitions.length > 0) await handOver(held.partitions);
    } finally {
      stop();
      closing.signal.removeEventListener("abort", held.end);
      held.isOver = true;
      tenure = undefined;
    }
  }

  async function handOver(handed: readonly number[]): Promise<void> {
    const done = new AbortController();
    try {
      await Promise.race([onRevoke(handed), pause(rebalanceTimeoutMs, done.signal)]);
    } finally {
      done.abort();
    }
  }

  /** What is claimed differs from what was claimed before what is held now, so the group goes to a new generation. */
  async function join(): Promise<Joined> {
    const joined = await protocol.join(memberId, claim, (id) => {
      memberId = id;
    });
    claim = joined;
    return joined;
  }

  async function run(): Promise<void> {
    for (let wait = pauses.least; !closing.signal.aborted; ) {
      try {
        const joined = await join();
        if (closing.signal.aborted) return;
        wait = pauses.least;
        rebalances++;
        trouble = "";
        outsideSince = undefined;
        options.onJoined?.(joined.partitions);
        const ended = Promise.withResolvers<void>();
        tenure = { ...joined, isOver: false, epochs: new Map(), end: () => ended.resolve() };
        await hold(tenure, ended.promise);
      } catch (error) {
        if (typeOf(error) === "UNKNOWN_MEMBER_ID") memberId = "";
        if (closing.signal.aborted) return;
        trouble = whyOutside(error);
        options.onTrouble?.(trouble);
        await pause(wait, closing.signal);
        wait = Math.min(pauses.most, 2 * wait);
      }
    }
  }

  async function leave(): Promise<void> {
    if (memberId === "") return;
    const done = new AbortController();
    const unsubscribe = whenAborted(options.givenUp, () => done.abort());
    const told = protocol.leave(memberId).catch(() => {});
    await Promise.race([told, pause(leaveTimeoutMs, done.signal)]);
    done.abort();
    unsubscribe();
  }

  const running = run();
  return {
    get partitions() {
      return partitions;
    },
    get tenure() {
      return tenure;
    },
    get given() {
      return claim.partitions;
    },
    get rebalances() {
      return rebalances;
    },
    get outsideMs() {
      return outsideSince === undefined ? 0 : performance.now() - outsideSince;
    },
    get trouble() {
      return trouble;
    },
    onChange(listener) {
      const own = () => listener();
      listeners.add(own);
      return () => listeners.delete(own);
    },
    renounce: lose,
    async close(timeoutMs) {
      closing.abort();
      if (tenure === undefined) {
        // It may be waiting for other members, which no request of the same connection overtakes.
        await protocol.close();
        protocol = createGroupProtocol(options);
      }
      const done = new AbortController();
      await Promise.race([running, pause(timeoutMs, done.signal)]);
      done.abort();
      if (tenure !== undefined) tenure.isOver = true;
      await leave();
      await protocol.close();
    },
  };
}

function whyOutside(error: unknown): string {
  const { message } = error as Error;
  if (typeOf(error) !== "INCONSISTENT_GROUP_PROTOCOL") return message;
  return `${message}: its members apply another log, or to the other kind of store, so it needs a group of its own`;
}
