import { WeirError } from "./errors.ts";
import { createShares } from "./shares.ts";

/** Places of which only so many can be taken at once, and by one caller half of them, though always one. */
export interface Slots {
  readonly taken: number;
  readonly max: number;
  /** How often none was free. */
  readonly refused: number;
  /**
   * Takes one; the function that it returns gives it back, once.
   *
   * @param sharer as of sharerOf
   * @throws WeirError RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS when all are taken, or the caller's share of them
   */
  take(sharer: string | undefined): () => void;
}

/** When to come again where no place is free, in milliseconds. */
const retryDelayMs = 1000;

/** `what`: the name of what has the places, for people */
export function createSlots(max: number, what: string): Slots {
  const shares = createShares(max);
  let taken = 0;
  let refused = 0;
  const refuse = (message: string): never => {
    refused++;
    throw new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs });
  };
  return {
    get taken() {
      return taken;
    },
    max,
    get refused() {
      return refused;
    },
    take(sharer) {
      if (taken >= max) refuse(`all ${max} ${what} are taken`);
      if (shares.of(sharer) >= shares.most) {
        refuse(`one caller may take ${shares.most} of the ${max} ${what}`);
      }
      taken++;
      shares.add(sharer, 1);
      let given = false;
      return () => {
        if (given) return;
        given = true;
        taken--;
        shares.add(sharer, -1);
      };
    },
  };
}
