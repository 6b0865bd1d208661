/** One reader's stream of events. */
import { pause } from "../domain/pause.ts";
import type { TailUpdate } from "./live.ts";
import type { Tail } from "./tail.ts";

export interface TailStreamOptions {
  readonly signal: AbortSignal;
  /** Time without an update after which there is a heartbeat, in milliseconds. */
  readonly heartbeatMs: number;
  /** The tail has room again. */
  readonly drained: () => void;
}

/** The updates of a tail that the caller holds, and releases. */
export async function* streamTail(
  tail: Tail,
  { signal, heartbeatMs, drained }: TailStreamOptions,
): AsyncGenerator<TailUpdate | "heartbeat"> {
  // At once, so that the reader knows from where on it is told everything.
  let sent = tail.place();
  yield { events: [], skipped: 0, place: sent };
  let sentAt = performance.now();
  while (!signal.aborted) {
    const update = tail.drain();
    const rest = sentAt + heartbeatMs - performance.now();
    if (update === undefined && rest > 0) {
      await pause(rest, signal, tail.arrival());
      continue;
    }
    const place = update?.place ?? tail.place();
    // Who resumes later need not pass again over what was not meant for it.
    const moved = place.positions.some((position, partition) => position !== sent.positions[partition]);
    sent = place;
    sentAt = performance.now();
    if (update !== undefined) drained();
    yield update ?? (moved ? { events: [], skipped: 0, place } : "heartbeat");
  }
}
