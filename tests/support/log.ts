import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type LevelDatabase, openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelLog, type LevelLogOptions } from "../../src/log/level/level.ts";
import type { EventLog } from "../../src/log/log.ts";

export interface TemporaryLog {
  readonly log: EventLog;
  readonly database: LevelDatabase;
  /** Closes the log and removes its files. */
  remove(): Promise<void>;
}

/** A real log in a directory of its own. */
export async function temporaryLog(options: Partial<LevelLogOptions> = {}): Promise<TemporaryLog> {
  const directory = mkdtempSync(join(tmpdir(), "weir-log-"));
  const database = await openLevelDatabase({ directory });
  const log = await createLevelLog({ database, partitions: 4, ...options });
  return {
    log,
    database,
    async remove() {
      await log.close();
      await database.close();
      rmSync(directory, { recursive: true });
    },
  };
}
