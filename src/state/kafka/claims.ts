/**
 * First wins, in a topic where the last value of a key stands: whoever wants to put a value where there is none writes a
 * claim of its own first, and reads the topic up to it. All read the same order, in which one claim is the earliest; whose
 * it is puts the value, and only then takes the claim back, so that who comes later sees either.
 */
import { randomBytes } from "node:crypto";
import { WeirError } from "../../domain/errors.ts";

export interface ClaimTopic {
  /** Resolves with the offset, once it is durable. */
  write(key: string, value: Uint8Array | undefined): Promise<number>;
  /** Resolves once all up to the offset was read, false where that took too long. */
  reached(offset: number): Promise<boolean>;
  /** What stands under a prefix, as far as it was read. */
  standing(prefix: string): Iterable<{ readonly value: Uint8Array; readonly offset: number }>;
}

/** A claim whose process ended holds up others for so long, and one that took half of it to be read is given up. */
const lifeMs = 60_000;

/**
 * Runs `put` where nobody was earlier, and `isFree` still holds then.
 *
 * @returns whether it ran
 * @throws what `put` throws; WeirError UNAVAILABLE/LOG_UNAVAILABLE where the claim could not be written and read in time
 */
export async function withClaim(
  topic: ClaimTopic,
  key: string,
  isFree: () => boolean,
  put: () => Promise<unknown>,
): Promise<boolean> {
  const claims = `claims/${key}/`;
  const own = claims + randomBytes(8).toString("hex");
  const claimedMs = Date.now();
  const offset = await topic.write(own, Buffer.from(String(claimedMs)));
  try {
    if (!(await topic.reached(offset)) || Date.now() - claimedMs > lifeMs / 2) {
      const message = "the shared state cannot be read up to now";
      throw new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", message, { retryDelayMs: 1000 });
    }
    const isEarlier = (claim: { readonly value: Uint8Array; readonly offset: number }) =>
      claim.offset < offset && claimedMs - Number(Buffer.from(claim.value).toString()) < lifeMs;
    if (!isFree() || [...topic.standing(claims)].some(isEarlier)) return false;
    await put();
    return true;
  } finally {
    // One that stays is over by its age.
    await topic.write(own, undefined).catch(() => {});
  }
}
