import { WeirError } from "../../domain/errors.ts";
import { BrokenBlockError } from "../../domain/record/block.ts";
import { messageOf, unavailable } from "./failures.ts";

/** Writes, one after the other. */
export interface Writes {
  /** Why the last one failed for the store's sake; empty where it did not. */
  readonly failure: string;
  /** @throws WeirError UNAVAILABLE/STORE_UNAVAILABLE; what the work itself refuses, as it is */
  run<T>(work: () => Promise<T>): Promise<T>;
  /** When those that have begun have ended. */
  ended(): Promise<void>;
}

export interface WritesOptions {
  readonly isClosed: () => boolean;
  readonly onFailure: () => void;
}

export function createWrites({ isClosed, onFailure }: WritesOptions): Writes {
  let failure = "";
  let last: Promise<void> = Promise.resolve();

  function told(error: unknown): Error {
    onFailure();
    if (error instanceof BrokenBlockError) return error;
    if (error instanceof WeirError && error.code !== "UNAVAILABLE") return error;
    failure = messageOf(error);
    return error instanceof WeirError
      ? error
      : unavailable(`ClickHouse could not be written: ${failure}`, error);
  }

  return {
    get failure() {
      return failure;
    },
    run(work) {
      const done = last.then(async () => {
        if (isClosed()) throw unavailable("the store is closed");
        try {
          const answer = await work();
          failure = "";
          return answer;
        } catch (error) {
          throw told(error);
        }
      });
      last = done.then(
        () => {},
        () => {},
      );
      return done;
    },
    ended: () => last,
  };
}
