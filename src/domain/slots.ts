import { WeirError } from "./errors.ts";

/** Places of which only so many can be taken at once. */
export interface Slots {
  readonly taken: number;
  readonly max: number;
  /** How often none was free. */
  readonly refused: number;
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
  let refused = 0;
  return {
    get taken() {
      return taken;
    },
    max,
    get refused() {
      return refused;
    },
    take() {
      if (taken >= max) {
        refused++;
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
