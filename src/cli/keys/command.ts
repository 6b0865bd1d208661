import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { ConfigError } from "../../config/config.ts";
import {
  type Command,
  type CommandContext,
  exitCodes,
  type Flags,
  type FlagValues,
  UsageError,
} from "../command.ts";
import { askOnce, connectionFlags } from "../connection.ts";
import { kafkaNames, readSettingFlags, settingFlags } from "../setting-flags.ts";
import { listKeys } from "./list.ts";
import { type KeyRequest, readKeyRequest } from "./request.ts";

/** Where create --project makes a key that no server is asked for. */
const placeNames = ["dataDir", ...kafkaNames] as const;
const placeFlags = settingFlags(placeNames, "create with --project: ");

export const keys: Command = {
  operands: "create|list|revoke [KEY_ID]",
  details: `create makes a key and prints its secret, which is shown this once. Without --project the server is asked, for a
key of the project that --api-key belongs to. With --project, and with --url or --api-key on the command line, it is asked
for a key of that project, where it exists: of another one than its own a key with scopes admin and platform may, which is
the way to a project whose first key was lost. With --project and neither of them the key is made in the data directory of
an embedded server that is stopped, and the project too, where it is new: so the first key comes about. With a log on Kafka
it is made in the topic that servers share, whether they run or not, and they know it within a second.

list prints the project's keys. revoke ends one, at once and for ever. Of 1,000 keys of a project those that ended
first make room for new ones.

Exit code 0: done; 1: the data directory, or the topic, cannot be used now; 2: usage; 3: the server cannot
be reached or refuses.`,
  flags: {
    ...connectionFlags,
    scopes: {
      type: "string",
      value: "LIST",
      summary: "create: what the key allows, of ingest, query, admin, platform",
    },
    name: { type: "string", value: "TEXT", summary: "create: name of the key, for people", default: "key" },
    origins: {
      type: "string",
      value: "LIST",
      summary:
        "create: origins whose pages may use the key, which makes it a browser key (scope ingest alone)",
    },
    limits: {
      type: "string",
      value: "LIST",
      summary:
        "create: what the key may do at most, of requests=N, events=N, bytes=N (a second), streams=N, queries=N (at once)",
    },
    expires: { type: "string", value: "DURATION", summary: "create: how long the key lives, such as 90d" },
    project: {
      type: "string",
      value: "ID",
      summary: "create: project of the key, which without --url and --api-key is made without a server",
    },
    ...placeFlags,
    all: { type: "boolean", summary: "list: expired and revoked keys too" },
    json: { type: "boolean", summary: "print JSON" },
  },
  async run(values, operands, context, given) {
    const [action, id, ...more] = operands;
    if (action === "list" || action === "revoke") checkNotForCreate(given, action);
    if (action === "create") checkPlace(given);
    if (action === "create" && id === undefined) return create(values, context, given);
    if (action === "list" && id === undefined) return listKeys(values, context);
    if (action === "revoke" && id !== undefined && more.length === 0) return revoke(values, id, context);
    throw new UsageError("one of create, list and revoke KEY_ID is needed");
  },
};

/**
 * A list of another project than was asked for, without a word, would mislead.
 *
 * @throws UsageError
 */
function checkNotForCreate(given: ReadonlySet<string>, action: string): void {
  const forCreate = ["project", "scopes", "name", "origins", "limits", "expires", ...Object.keys(placeFlags)];
  const wrong = forCreate.find((name) => given.has(name));
  if (wrong === undefined) return;
  const whose = "list and revoke are about the project that --api-key belongs to";
  throw new UsageError(`--${wrong} is for create, and ${action} takes none: ${whose}`);
}

/**
 * Either a server makes the key, or it is made without one: with flags of both, it would come about where it is not asked
 * for, and a data directory too.
 *
 * @throws UsageError
 */
function checkPlace(given: ReadonlySet<string>): void {
  const [server, place] = [firstOf(connectionFlags, given), firstOf(placeFlags, given)];
  if (server !== undefined && place !== undefined) {
    throw new UsageError(
      `--${place} is for a key that is made without a server, and --${server} is of one that is asked: leave one of them out`,
    );
  }
  if (!given.has("project") && place !== undefined) {
    throw new UsageError(
      `--${place} is for a key that is made without a server, which takes --project ID; a server is asked by --url and --api-key`,
    );
  }
}

function firstOf(flags: Flags, given: ReadonlySet<string>): string | undefined {
  return Object.keys(flags).find((name) => given.has(name));
}

function create(values: FlagValues, context: CommandContext, given: ReadonlySet<string>): Promise<number> {
  const request = readKeyRequest(values, Date.now());
  const { project } = request;
  // What a shell has set for every command is no server that was asked for.
  if (project !== undefined && firstOf(connectionFlags, given) === undefined)
    return createWithoutServer({ ...request, project }, values, context);
  return askOnce(values, context, async (weir) => {
    const { expiresMs, limits } = request;
    const { key, secret } = await weir.admin.createApiKey({
      name: request.name,
      ...(project === undefined ? {} : { projectId: project }),
      scopes: request.scopes.map(({ scope }) => scope),
      allowedOrigins: [...request.origins],
      limits,
      ...(expiresMs === undefined ? {} : { expireTime: timestampFromMs(expiresMs) }),
    });
    return printSecret({ id: key!.keyId, project: key!.projectId, secret }, values, context);
  });
}

async function createWithoutServer(
  request: KeyRequest & { readonly project: string },
  values: FlagValues,
  context: CommandContext,
): Promise<number> {
  const { name, project, origins, limits, expiresMs } = request;
  const config = readSettingFlags(values, placeNames, { ...context.env });
  try {
    // Loaded for this alone: it is the whole server.
    const { makeStoredKey } = await import("../../main.ts");
    const made = await makeStoredKey(config, {
      name,
      project,
      scopes: request.scopes.map((scope) => scope.name),
      origins,
      limits,
      ...(expiresMs === undefined ? {} : { expiresMs }),
    });
    return printSecret({ ...made, project }, values, context);
  } catch (error) {
    const { message, name: kind } = error as Error;
    if (error instanceof ConfigError) throw new UsageError(message);
    // What is refused here, the server refuses too.
    const hint =
      kind === "WeirError"
        ? ""
        : `; a server that runs is asked with --url, for a key of project ${project} by one of that project or with scopes admin and platform`;
    context.stderr.write(`weir keys: ${message}${hint}\n`);
    return exitCodes.notAll;
  }
}

/** The secret alone on standard output, so that a script can take it. */
function printSecret(
  made: { readonly id: string; readonly project: string; readonly secret: string },
  { json }: FlagValues,
  { stdout, stderr }: CommandContext,
): number {
  const { id, project, secret } = made;
  if (json) {
    stdout.write(`${JSON.stringify({ key_id: id, project_id: project, secret })}\n`);
    return exitCodes.done;
  }
  stderr.write(`key ${id} of project ${project}; its secret is shown this once:\n`);
  stdout.write(`${secret}\n`);
  return exitCodes.done;
}

function revoke(values: FlagValues, keyId: string, context: CommandContext): Promise<number> {
  return askOnce(values, context, async (weir) => {
    await weir.admin.revokeApiKey({ keyId });
    context.stderr.write(`key ${keyId} is revoked\n`);
    return exitCodes.done;
  });
}
