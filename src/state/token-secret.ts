import { randomBytes } from "node:crypto";
import type { StateStore } from "./state.ts";

const key = "secret/token";

/** What encrypts tokens and cursors: the setting's secret, or where that is empty one that is made once and kept. */
export async function tokenSecret(setting: string, state: StateStore): Promise<Uint8Array> {
  return setting !== "" ? Buffer.from(setting) : (await ensureTokenSecret(state)).secret;
}

/** The secret that is kept, which is made where there is none. */
export async function ensureTokenSecret(
  state: StateStore,
): Promise<{ readonly secret: Uint8Array; readonly made: boolean }> {
  const kept = await state.get(key);
  if (kept) return { secret: kept, made: false };
  const secret = randomBytes(32);
  await state.put(key, secret);
  return { secret, made: true };
}
