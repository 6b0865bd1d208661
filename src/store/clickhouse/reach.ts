import { pause } from "../../domain/pause.ts";

/**
 * Whether the server answers questions. It is asked where nobody else has asked for a while, so that a server that is gone
 * is known before the first question finds out; and where it did not answer, until it does: who goes by health() asks no
 * questions of a process that is ill.
 */
export interface Reach {
  /** Why there was no answer; empty where there is one. */
  readonly failure: string;
  answered(): void;
  /** @param failure one line */
  failed(failure: string): void;
  close(): void;
}

export interface ReachOptions {
  /** Asks the server something small. */
  readonly probe: (signal: AbortSignal) => Promise<unknown>;
  /** Why an error means that the server does not answer, in one line; undefined where it does not mean that. */
  readonly failureOf: (error: unknown) => string | undefined;
  /** How long nobody may have had an answer, in milliseconds, before it is asked. Default 5,000. */
  readonly quietMs?: number;
}

/** Time between two looks at whether it is to be asked, and longest time that its answer may take, in milliseconds. */
const pauseMs = 1000;
const probeMs = 10_000;
const silence = `ClickHouse cannot answer: nothing came for ${probeMs / 1000} s`;

export function createReach({ probe, failureOf, quietMs = 5000 }: ReachOptions): Reach {
  const closing = new AbortController();
  let failure = "";
  let answeredAt = performance.now();

  function answered(): void {
    failure = "";
    answeredAt = performance.now();
  }

  async function ask(): Promise<void> {
    const late = AbortSignal.timeout(probeMs);
    try {
      await probe(AbortSignal.any([closing.signal, late]));
      answered();
    } catch (error) {
      failure = late.aborted ? silence : (failureOf(error) ?? failure);
    }
  }

  async function watch(): Promise<void> {
    for (;;) {
      await pause(pauseMs, closing.signal);
      if (closing.signal.aborted) return;
      if (failure !== "" || performance.now() - answeredAt >= quietMs) await ask();
    }
  }

  void watch();
  return {
    get failure() {
      return failure;
    },
    answered,
    failed(why) {
      failure = why;
    },
    close: () => closing.abort(),
  };
}
