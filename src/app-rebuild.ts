/** Part of the composition root: --rebuild-store where several processes apply the log to one store. */
import { pause } from "./domain/pause.ts";
import type { Membership } from "./log/kafka/membership.ts";
import type { ClickhouseStore } from "./store/clickhouse/options.ts";

/** How long the group may take to give something, in milliseconds; then others have it all. */
const givenWithinMs = 30_000;

/**
 * The store, which goes on from where the log begins with the partitions that the group gives to this process; others do so
 * with theirs.
 *
 * @param membership once it has joined
 * @param signal ends the wait
 */
export function skippingOwn(
  store: ClickhouseStore,
  membership: () => Membership,
  signal: AbortSignal,
): ClickhouseStore {
  const skipTo: ClickhouseStore["skipTo"] = async (starts) => {
    const member = membership();
    const given = Promise.withResolvers<void>();
    const end = member.onChange(() => given.resolve());
    if (member.partitions().length === 0) await pause(givenWithinMs, signal, given.promise);
    end();
    signal.throwIfAborted();
    const own = new Set(member.partitions());
    await store.skipTo(starts.map((start, partition) => (own.has(partition) ? start : 0)));
  };
  return Object.assign(Object.create(store) as ClickhouseStore, { skipTo });
}
