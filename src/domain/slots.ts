import { WeirError } from "./errors.ts";

/** Places of which only so many can be taken at once. */
export interface Slots {
  readonly taken: number;
  /**
   * Takes one; the function that it returns gives it back, once.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS when all are taken
   */
  take(): () => void;
}

/** `what`: the name of what has the places, for people */
export function createSlots(max: number, what: string): Slots {
  let taken = 0;
  return {
    get taken() {
      return taken;
    },
    take() {
      if (taken >= max) {
        throw new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", `all ${max} ${what} are taken`, {
          retryDelayMs: 1000,
        });
      }
      taken++;
      let given = false;
      return () => {
        if (!given) taken--;
        given = true;
      };
    },
  };
}
