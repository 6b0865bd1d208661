/** What every EventLog promises is tried on each implementation, through a fixture of its own. */
import { afterEach, beforeEach, expect, vi } from "vitest";
import type { Flush } from "../../../src/log/commit/writer.ts";
import type { AppendResult, EventLog } from "../../../src/log/log.ts";

/** Options that all implementations know. */
export interface ContractOptions {
  /** Default 4. */
  readonly partitions?: number;
  readonly maxQueueEvents?: number;
  readonly maxQueueBytes?: number;
  readonly maxGroupEvents?: number;
  readonly dedupWindowMs?: number;
  readonly now?: () => number;
  readonly onFlush?: (flush: Flush) => void;
}

/** A log of its own for each test. */
export interface LogFixture {
  /** A new log, or the one before once it has been closed, with `again`. */
  open(options?: ContractOptions, again?: "again"): Promise<EventLog>;
  /** Holds up every write from now on. */
  hold(): void | Promise<void>;
  /** Lets those that are held up, and all later ones, go on. */
  release(): void;
  /** Closes and removes what was opened. */
  remove(): Promise<void>;
}

export interface Contract {
  /** Opens the test's log. */
  open(options?: ContractOptions): Promise<EventLog>;
  /** Closes it and opens it again. */
  reopen(options?: ContractOptions): Promise<EventLog>;
  hold(): Promise<void>;
  release(): void;
}

/** A fixture for each test of the suite in which this is called. */
export function contractOf(make: () => Promise<LogFixture>): Contract {
  let fixture: LogFixture;
  beforeEach(async () => {
    fixture = await make();
  });
  afterEach(async () => {
    fixture.release();
    await fixture.remove();
  });
  return {
    open: (options) => fixture.open(options),
    reopen: (options) => fixture.open(options, "again"),
    hold: async () => fixture.hold(),
    release: () => fixture.release(),
  };
}

/** Resolves once a write is under way. */
export function underWay(log: EventLog): Promise<void> {
  return vi.waitFor(() => expect(log.stats().inFlightMs).toBeGreaterThan(0), { interval: 2 });
}

/** Resolves once readers see what was answered. */
export function visible(log: EventLog, { partitions, offsets }: AppendResult): Promise<void> {
  return vi.waitFor(
    () => {
      const ends = log.ends();
      for (const [i, partition] of partitions.entries()) expect(ends[partition]).toBeGreaterThan(offsets[i]!);
    },
    { interval: 2, timeout: 10_000 },
  );
}
