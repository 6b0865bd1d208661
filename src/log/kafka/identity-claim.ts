/**
 * Which identity a new log gets where several processes make it at once. Each writes what it would take as a claim under a
 * key of its own, reads the small state anew, and takes the claim that stands first there: compaction removes no claim, as
 * none is written twice, and keeps their order. So whoever is stopped half-way is finished by the next with the same values.
 */
import { setTimeout as delay } from "node:timers/promises";
import { identityEntries, identityKeys, type LogIdentity, topicIdKey } from "../identity.ts";

/** What is used of the small state. */
export interface IdentityState {
  get(key: string): Promise<Uint8Array | undefined>;
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** Of the keys that start with `prefix` the one that was written first of all; undefined where there is none. */
  oldest(prefix: string): Promise<Uint8Array | undefined>;
  close(): Promise<void>;
}

const begunKey = "log/begun";
/** How long who is first may take to write the log's identity, in milliseconds, before another does in its place. */
const patienceMs = 2000;
const pollMs = 20;

/** Where those stand who would replace a log, or make the first. */
const placeOf = (replaced: string | undefined) => `log/claims/${replaced ?? "none"}/`;

/** Whether somebody has begun to replace the log, or to make the first. */
export async function isClaimed(state: IdentityState, replaced: string | undefined): Promise<boolean> {
  return (await state.oldest(placeOf(replaced))) !== undefined;
}

/** Whether the log's topics may not all have been made yet, so that who misses one does not take it for gone. */
export async function isBegun(state: IdentityState, logId: string): Promise<boolean> {
  return textOf(await state.get(begunKey)) === logId;
}

/** Says that all of them are there. */
export async function setMade(state: IdentityState, logId: string): Promise<void> {
  if (await isBegun(state, logId)) await state.delete(begunKey);
}

/**
 * Writes the log's identity, or waits until who was first has written its own.
 *
 * @param replaced id of the log before
 * @param own what it is to be where nobody else was first
 * @param reopen reads the small state anew
 * @returns what it is
 */
export async function claimIdentity(
  state: IdentityState,
  replaced: string | undefined,
  own: LogIdentity,
  reopen: () => Promise<IdentityState>,
): Promise<LogIdentity> {
  const place = placeOf(replaced);
  await state.put(`${place}${own.logId}`, encode(own));
  const anew = await reopen();
  try {
    const identity = decode((await anew.oldest(place))!);
    const until = performance.now() + (identity.logId === own.logId ? 0 : patienceMs);
    while (await isMissing(anew, identity.logId)) {
      if (performance.now() >= until) {
        await write(state, identity);
        break;
      }
      await delay(pollMs);
    }
    return identity;
  } finally {
    await anew.close();
  }
}

async function isMissing(state: IdentityState, logId: string): Promise<boolean> {
  return textOf(await state.get(identityKeys.logId)) !== logId;
}

/** With the log's id, the last, all stands there; the topic of the log before is nothing of this one. */
async function write(state: IdentityState, identity: LogIdentity): Promise<void> {
  await state.put(begunKey, Buffer.from(identity.logId));
  if ((await state.get(topicIdKey)) !== undefined) await state.delete(topicIdKey);
  for (const [key, value] of identityEntries(identity)) await state.put(key, value);
}

function encode({ logId, partitions, idSecret }: LogIdentity): Uint8Array {
  return Buffer.from(JSON.stringify({ logId, partitions, idSecret: Buffer.from(idSecret).toString("hex") }));
}

function decode(claim: Uint8Array): LogIdentity {
  const { logId, partitions, idSecret } = JSON.parse(Buffer.from(claim).toString());
  return { logId, partitions, idSecret: new Uint8Array(Buffer.from(idSecret, "hex")) };
}

function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes && Buffer.from(bytes).toString();
}
