/** Part of the composition root: a key made in the data directory of a server that does not run, such as the first one. */
import { type NewKey, openKeys } from "./auth/keys.ts";
import { openProjects } from "./auth/projects.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { makePlaces } from "./config/places.ts";
import { WeirError } from "./domain/errors.ts";
import { openLevelDatabase } from "./log/level/database.ts";
import { createLevelState } from "./state/level/level.ts";

/**
 * Makes a key, and its project where that is new.
 *
 * @throws ConfigError where the data directory or the key cannot be as asked for, else Error with one line: a server runs on it, or it is
 * broken
 */
export async function makeStoredKey(config: Config, key: NewKey): Promise<{ id: string; secret: string }> {
  const { logFolder } = makePlaces(config);
  const database = await openLevelDatabase({ directory: logFolder });
  try {
    const parts = { state: createLevelState(database), now: Date.now, warn: () => {} };
    const projects = await openProjects(parts);
    await projects.ensure(key.project);
    await projects.close();
    const keys = await openKeys(parts);
    const made = await keys.create(key).catch(refuseKey);
    await keys.close();
    return { id: made.key.id, secret: made.secret };
  } finally {
    await database.close();
  }
}

function refuseKey(error: unknown): never {
  if (!(error instanceof WeirError) || error.code !== "INVALID_ARGUMENT") throw error;
  throw new ConfigError(error.message, { cause: error });
}
