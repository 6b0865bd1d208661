/** The operator's own key, whose secret is a setting. */
import { timingSafeEqual } from "node:crypto";
import type { FollowedState } from "../state/followed.ts";
import { type ApiKey, digestOf } from "./key.ts";

const idStart = "bootstrap";

/** Whether it is a key whose secret the operator chose, and may choose again. */
export function isBootstrapKey({ id }: ApiKey): boolean {
  return id.startsWith(idStart);
}

/**
 * Each secret has an id of its own, so that one that was revoked stays so, whichever others come between. Secrets that
 * another one follows are kept as expired, and live again where the operator sets them again.
 */
export async function keepBootstrapKey(
  keys: Pick<FollowedState<ApiKey>, "entries" | "put">,
  secret: string,
  nowMs: number,
): Promise<void> {
  const digest = digestOf(secret);
  const all = [...keys.entries.values()].filter(isBootstrapKey);
  const isOfSecret = (key: ApiKey) => timingSafeEqual(key.digest, digest);
  for (const key of all) {
    if (isOfSecret(key) || key.revokedMs !== undefined || key.expiresMs !== undefined) continue;
    await keys.put(key.id, { ...key, expiresMs: nowMs });
  }
  const known = all.find(isOfSecret);
  if (known !== undefined && (known.revokedMs !== undefined || known.expiresMs === undefined)) return;
  // Of the hash no more than tells secrets apart: whoever sees an id should have little to try guesses with.
  const id = known?.id ?? `${idStart}-${digest.toString("hex", 0, 4)}`;
  await keys.put(id, {
    id,
    name: "WEIR_BOOTSTRAP_KEY",
    project: "default",
    prefix: "",
    digest,
    scopes: ["admin", "platform"],
    origins: [],
    limits: {},
    createdMs: known?.createdMs ?? nowMs,
  });
}
