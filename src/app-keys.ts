/** Part of the composition root: a key made where servers keep theirs, without asking one; such as the first one. */
import { create, type MessageInitShape } from "@bufbuild/protobuf";
import { CreateApiKeyRequestSchema, RateLimitsSchema } from "../gen/analytics/v1/admin_pb.js";
import { limitsOf } from "./admin/messages.ts";
import { openState } from "./app-topics.ts";
import { type Keys, type NewKey, openKeys } from "./auth/keys.ts";
import { openProjects } from "./auth/projects.ts";
import { scopeOfName } from "./auth/scopes.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { type KafkaConfig, kafkaOf } from "./config/kafka.ts";
import { logPlace } from "./config/log-url.ts";
import { makeLogFolder } from "./config/places.ts";
import { validate } from "./contract/validate.ts";
import { WeirError } from "./domain/errors.ts";
import { readIdentity } from "./log/identity.ts";
import { openLevelDatabase } from "./log/level/database.ts";
import { createLevelState } from "./state/level/level.ts";
import type { StateStore } from "./state/state.ts";

export type KeysConfig = KafkaConfig & Pick<Config, "dataDir">;

/** A key as it is asked for, with its limits as the contract names them. */
export type StoredKey = Omit<NewKey, "limits"> & {
  readonly limits?: MessageInitShape<typeof RateLimitsSchema>;
};

/**
 * Makes a key, and its project where that is new: in the data directory of a server that does not run, or in the topic of
 * small state, which servers follow.
 *
 * @throws ConfigError where the place or the key cannot be as asked for, else Error with one line: a server runs on the
 * data directory, or it is broken; no broker can be reached, or the topic cannot be used
 */
export async function makeStoredKey(
  config: KeysConfig,
  asked: StoredKey,
): Promise<{ id: string; secret: string }> {
  checkRequest(asked);
  const key = { ...asked, limits: limitsOf(create(RateLimitsSchema, asked.limits)) };
  const { state, close } = await openKeptState(config);
  const closing = [close];
  try {
    // Nothing is written to what a newer version keeps.
    await readIdentity(state.get);
    const parts = { state, now: Date.now, warn: () => {} };
    const keys = await openKeys(parts);
    closing.push(keys.close);
    // A key that is refused must not leave behind a project that nobody has a key of.
    checkKey(keys, key);
    const projects = await openProjects(parts);
    closing.push(projects.close);
    await projects.ensure(key.project);
    const made = await keys.create(key);
    return { id: made.key.id, secret: made.secret };
  } finally {
    for (const end of closing.reverse()) await end();
  }
}

async function openKeptState(config: KeysConfig): Promise<{ state: StateStore; close(): Promise<void> }> {
  if (logPlace(config).kind === "kafka") {
    const state = await openState(kafkaOf(config));
    return { state, close: state.close };
  }
  const database = await openLevelDatabase({ directory: makeLogFolder(config) });
  return { state: createLevelState(database), close: () => database.close() };
}

/** By the same rules as a server that is asked for a key. @throws ConfigError */
function checkRequest({ name, scopes, origins = [], limits = {} }: StoredKey): void {
  const asked = { name, scopes: scopes.map(scopeOfName), allowedOrigins: [...origins], limits };
  const [wrong] = validate(CreateApiKeyRequestSchema, create(CreateApiKeyRequestSchema, asked));
  if (wrong !== undefined) throw new ConfigError(`${wrong.field}: ${wrong.message}`);
}

function checkKey(keys: Keys, key: NewKey): void {
  try {
    keys.check(key);
  } catch (error) {
    if (!(error instanceof WeirError) || error.code !== "INVALID_ARGUMENT") throw error;
    throw new ConfigError(error.message, { cause: error });
  }
}
