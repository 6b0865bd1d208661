/** Exports of a store, and small events for them. */
import { expect } from "vitest";
import { parseFilter } from "../../src/filter/parse.ts";
import { type ExportFormat, maxPieceBytes } from "../../src/store/exports.ts";
import type { EventStore } from "../../src/store/store.ts";
import { type Feed, patiently, timestamp } from "./store.ts";

export interface SmallEvent {
  readonly id: string;
  /** Default u. */
  readonly userId?: string;
  readonly us: number;
  readonly properties?: Record<string, string>;
}

export function applySmall(store: EventStore, feed: Feed, events: readonly SmallEvent[]) {
  const sent = events.map(({ us, ...event }) => ({
    event: { userId: "u", ...event, timestamp: timestamp(us) },
  }));
  return store.apply(feed.blocks(sent).blocks);
}

/** `count` events, one each microsecond from `firstUs` on. */
export function row(count: number, firstUs: number, properties: Record<string, string> = {}): SmallEvent[] {
  return Array.from({ length: count }, (_, i) => ({ id: `e${firstUs + i}`, us: firstUs + i, properties }));
}

/** Begins an export of project p. */
export function startExport(
  store: EventStore,
  format: ExportFormat,
  { signal, filter }: { signal?: AbortSignal | undefined; filter?: string | undefined } = {},
): AsyncIterator<Uint8Array> {
  const selection = { project: "p", ...(filter === undefined ? {} : { filter: parseFilter(filter) }) };
  const asked = { ...patiently(), ...(signal ? { signal } : {}) };
  return store.export({ selection, format }, asked)[Symbol.asyncIterator]();
}

/** What an export still brings, in pieces that are not too large. */
export async function rest(pieces: AsyncIterator<Uint8Array>): Promise<Buffer> {
  const parts: Uint8Array[] = [];
  for (let next = await pieces.next(); next.done !== true; next = await pieces.next()) {
    expect(next.value.length).toBeLessThanOrEqual(maxPieceBytes);
    parts.push(next.value);
  }
  return Buffer.concat(parts);
}
