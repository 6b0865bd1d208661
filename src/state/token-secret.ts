import { randomBytes } from "node:crypto";
import type { StateStore } from "./state.ts";

const key = "secret/token";

/** What signs tokens and cursors: the setting's secret, or where that is empty one that is made once and kept. */
export async function tokenSecret(setting: string, state: StateStore): Promise<Uint8Array> {
  if (setting !== "") return Buffer.from(setting);
  const kept = await state.get(key);
  if (kept) return kept;
  const made = randomBytes(32);
  await state.put(key, made);
  return made;
}
