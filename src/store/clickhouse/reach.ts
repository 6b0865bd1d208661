import { pause } from "../../domain/pause.ts";

/**
 * Whether the server answers questions. Where it did not, it is asked until it does: who goes by health() asks no questions
 * of a process that is ill, so these alone would never show that it is well again.
 */
export interface Reach {
  /** Why there was no answer; empty where there is one. */
  readonly failure: string;
  answered(): void;
  /** @param failure one line */
  failed(failure: string): void;
  close(): void;
}

/** Time between two of its own questions, and longest time that one may take, in milliseconds. */
const pauseMs = 1000;
const probeMs = 5000;

/** @param probe asks the server something small */
export function createReach(probe: (signal: AbortSignal) => Promise<unknown>): Reach {
  const closing = new AbortController();
  let failure = "";
  let probing = false;

  async function untilAnswered(): Promise<void> {
    probing = true;
    while (failure !== "") {
      await pause(pauseMs, closing.signal);
      if (closing.signal.aborted) break;
      try {
        await probe(AbortSignal.any([closing.signal, AbortSignal.timeout(probeMs)]));
        failure = "";
      } catch {
        // It stays as it is.
      }
    }
    probing = false;
  }

  return {
    get failure() {
      return failure;
    },
    answered() {
      failure = "";
    },
    failed(why) {
      failure = why;
      if (!probing) void untilAnswered();
    },
    close: () => closing.abort(),
  };
}
