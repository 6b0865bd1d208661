import type { EventLog } from "../log/log.ts";
import type { EventStore } from "../store/store.ts";
import type { Logger } from "../telemetry/logger.ts";

/** Ages in milliseconds beyond which things are removed; Infinity keeps them. */
export interface Ages {
  /** Rows, by their timestamp. */
  readonly rows: number;
  /** That of every project, where some have one of their own; undefined where none has. Default: none has. */
  readonly rowsByProject?: () => ReadonlyMap<string, number> | undefined;
  /** Ids, by their received time. */
  readonly ids: number;
  /** Applied log records. */
  readonly log: number;
}

/** Removes what is old, once a minute. */
export interface Upkeep {
  start(): void;
  /** Does all of it now. */
  run(): Promise<void>;
  /** Ends after the work under way. */
  stop(): Promise<void>;
}

export interface UpkeepOptions {
  readonly ages: Ages;
  /** Removes applied blocks; absent where the log sees to it itself. */
  readonly log?: Pick<EventLog, "trim">;
  /** Each forgets ids received before an instant, in milliseconds since 1970, and answers how many. */
  readonly ids: readonly ((receivedBeforeMs: number) => Promise<number>)[];
  /** Absent where another process sees to it. */
  readonly store?: Pick<EventStore, "positions" | "removeBefore">;
  /** What else is to be done, by name; each answers how much it removed. */
  readonly more?: Readonly<Record<string, () => Promise<number>>>;
  readonly logger: Logger;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** Default 60,000. */
  readonly intervalMs?: number;
  /** What takes longer is told while it goes on, in milliseconds: a store may apply nothing meanwhile. Default 10,000. */
  readonly slowMs?: number;
}

export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { ages, log, ids, store, logger, now, intervalMs = 60_000, slowMs = 10_000 } = options;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;

  const tasks: Record<string, () => Promise<number>> = { ...options.more };
  if (log !== undefined && store !== undefined && Number.isFinite(ages.log)) {
    tasks.log_blocks = () => log.trim(store.positions(), now() - ages.log);
  }
  if (ids.length > 0 && Number.isFinite(ages.ids)) tasks.ids = forgetIds;
  if (store !== undefined) tasks.rows = () => removeRows(store);

  async function forgetIds(): Promise<number> {
    let forgotten = 0;
    for (const forget of ids) forgotten += await forget(now() - ages.ids);
    return forgotten;
  }

  async function removeRows({ removeBefore }: Pick<EventStore, "removeBefore">): Promise<number> {
    const removeOlder = async (age: number, project?: string) =>
      Number.isFinite(age) ? removeBefore((now() - age) * 1000, project) : 0;
    const byProject = ages.rowsByProject?.();
    if (byProject === undefined) return removeOlder(ages.rows);
    let removed = 0;
    for (const [project, age] of byProject) removed += await removeOlder(age, project);
    return removed;
  }

  async function runAll(): Promise<void> {
    for (const [what, task] of Object.entries(tasks)) {
      const slow = setTimeout(() => {
        logger.warn({ what }, `removing what is old goes on for more than ${slowMs / 1000} s`);
      }, slowMs);
      try {
        const removed = await task();
        if (removed > 0) logger.info({ what, removed }, "removed what is older than its retention");
      } catch (error) {
        // The next round tries again; what is old a minute longer harms nobody.
        logger.warn({ what, err: error }, "removing what is old failed");
      } finally {
        clearTimeout(slow);
      }
    }
  }

  async function run(): Promise<void> {
    running ??= runAll().finally(() => {
      running = undefined;
    });
    await running;
  }

  return {
    run,
    start() {
      timer = setInterval(() => void run(), intervalMs);
    },
    async stop() {
      clearInterval(timer);
      await running;
    },
  };
}
