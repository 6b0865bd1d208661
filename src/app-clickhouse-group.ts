/** Part of the composition root: whether a store on ClickHouse is applied by the group that this process goes by. */
import { ConfigError } from "./config/config.ts";
import { nameOf, settings } from "./config/settings.ts";
import { PositionsError } from "./consumer/start-check.ts";
import type { StageHealth } from "./domain/health.ts";
import { pause } from "./domain/pause.ts";
import type { Applied } from "./log/kafka/applied.ts";
import type { ClickhouseStore } from "./store/clickhouse/options.ts";

/** Time between two looks, in milliseconds. */
const pollMs = 2000;

interface GroupOptions {
  readonly store: Pick<ClickhouseStore, "ledger">;
  readonly followed: Applied;
  readonly group: string;
}

/** @throws ConfigError where another group applies the log to the store */
export function refuseOtherGroup(owner: string | undefined, group: string): void {
  if (owner === undefined || owner === group) return;
  throw new ConfigError(`${nameOf(settings.kafkaGroup)}: ${otherGroup(owner, group)}`);
}

function otherGroup(owner: string, group: string): string {
  return `the log is applied to the store by group ${owner}, not by group ${group}`;
}

/**
 * Makes sure that a process that is to apply the log goes by the offsets that the store was built by.
 *
 * @throws ConfigError where they are of another group, PositionsError where they are gone
 */
export async function checkGroup(options: GroupOptions): Promise<void> {
  refuseOtherGroup(await options.store.ledger.group(), options.group);
  const gone = await goneOffsets(options);
  if (gone !== "") throw new PositionsError(gone);
}

/** What is wrong with a group that has no offset of a partition that was applied; empty where all is well. */
async function goneOffsets({ store, followed, group }: GroupOptions): Promise<string> {
  const applied = await store.ledger.standpoints();
  // Every owner commits before it leaves a trace in the store.
  await followed.refresh();
  const gone = followed.missing().filter((partition) => applied.has(partition));
  if (gone.length === 0) return "";
  const [what, holds] =
    gone.length === applied.size
      ? ["has applied nothing", "rows"]
      : [`has no offset of ${gone.length} partitions, such as ${gone[0]}`, "rows of them"];
  return (
    `group ${group} ${what}, but the store holds ${holds}: is ${nameOf(settings.kafkaGroup)} right? If Kafka has ` +
    "forgotten the group's offsets, stop the processes of role consumer and run weir offsets restore"
  );
}

export interface GroupWatch {
  /** That of the followed offsets, unless they are not those of the store. */
  health(): StageHealth;
  close(): Promise<void>;
}

/**
 * Follows whether the answers of this process, which applies nothing, are as far as its group says.
 *
 * @throws ConfigError where another group applies the log to the store
 */
export async function watchGroup(options: GroupOptions): Promise<GroupWatch> {
  const { store, followed, group } = options;
  const closing = new AbortController();
  let trouble = "";

  async function look(): Promise<void> {
    const owner = await store.ledger.group();
    trouble =
      owner === undefined || owner === group
        ? await goneOffsets(options)
        : `${otherGroup(owner, group)}: is ${nameOf(settings.kafkaGroup)} right?`;
  }

  async function run(): Promise<void> {
    while (!closing.signal.aborted) {
      await pause(pollMs, closing.signal);
      // Store and log tell themselves that they cannot be asked.
      if (!closing.signal.aborted) await look().catch(() => {});
    }
  }

  refuseOtherGroup(await store.ledger.group(), group);
  await look();
  const running = run();
  return {
    health() {
      const health = followed.health();
      return trouble === "" ? health : { ...health, status: "unhealthy", message: trouble };
    },
    async close() {
      closing.abort();
      await running;
    },
  };
}
