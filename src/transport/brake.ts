import { WeirError } from "../domain/errors.ts";
import { pause } from "../domain/pause.ts";

export interface Brake {
  /** Resolves at once where the refusal is none for sending too much, else after a moment, or as the caller goes away. */
  hold(refusal: unknown, caller: AbortSignal): Promise<void>;
}

/** How long a refusal is held, in milliseconds; no longer than the caller is told to wait. */
const holdMs = 100;
/** Refusals held at once, of all callers; further ones go at once. */
const maxHeld = 256;

/**
 * Holds refusals of callers who send more than they may, with their bodies unread: one that comes again as soon as it has an
 * answer then takes little from the others.
 */
export function createBrake(): Brake {
  let held = 0;
  return {
    async hold(refusal, caller) {
      if (!(refusal instanceof WeirError) || refusal.reason !== "RATE_LIMITED" || held >= maxHeld) return;
      held++;
      await pause(Math.min(holdMs, refusal.retryDelayMs ?? holdMs), caller);
      held--;
    },
  };
}
