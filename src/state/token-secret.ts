import { randomBytes } from "node:crypto";
import { WeirError } from "../domain/errors.ts";
import { pause } from "../domain/pause.ts";
import type { StateStore } from "./state.ts";

const key = "secret/token";
/** How long another process may take to put the secret that it is making: longer than one that ended holds up others. */
const patienceMs = 70_000;
const pollMs = 250;

type SecretState = Pick<StateStore, "get" | "putIfAbsent">;

/**
 * What encrypts tokens and cursors: the setting's secret, or where that is empty one that is made once and kept.
 *
 * @throws as ensureTokenSecret
 */
export async function tokenSecret(
  setting: string,
  state: SecretState,
  signal: AbortSignal,
): Promise<Uint8Array> {
  return setting !== "" ? Buffer.from(setting) : (await ensureTokenSecret(state, signal)).secret;
}

/**
 * The secret that is kept, which is made where there is none: of several who make it at once, all get that of one.
 *
 * @param signal gives up the wait for another that makes it. Default: it goes on to its end
 * @throws the signal's reason; what the state throws; WeirError UNAVAILABLE/LOG_UNAVAILABLE where another does not end
 */
export async function ensureTokenSecret(
  state: SecretState,
  signal: AbortSignal = new AbortController().signal,
): Promise<{ readonly secret: Uint8Array; readonly made: boolean }> {
  for (const until = performance.now() + patienceMs; performance.now() < until; await pause(pollMs, signal)) {
    signal.throwIfAborted();
    const kept = await state.get(key);
    if (kept) return { secret: kept, made: false };
    const secret = randomBytes(32);
    if (await state.putIfAbsent(key, secret)) return { secret, made: true };
  }
  throw new WeirError(
    "UNAVAILABLE",
    "LOG_UNAVAILABLE",
    "another process makes the secret of tokens, and does not end",
  );
}
