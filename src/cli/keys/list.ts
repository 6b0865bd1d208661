import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type ApiKey, ApiKeySchema, Scope } from "../../../client/node/index.ts";
import { type CommandContext, columns, exitCodes, type FlagValues } from "../command.ts";
import { askOnce } from "../connection.ts";
import { printableJson } from "../printable.ts";
import { limitsText } from "./limits.ts";

/** Prints the keys of the caller's project, newest first. */
export function listKeys(values: FlagValues, context: CommandContext): Promise<number> {
  return askOnce(values, context, async (weir) => {
    const keys: ApiKey[] = [];
    for (let pageToken = ""; ; ) {
      const page = await weir.admin.listApiKeys({
        pageToken,
        pageSize: 1000,
        includeEnded: values.all === true,
      });
      keys.push(...page.keys);
      pageToken = page.nextPageToken;
      if (pageToken === "") break;
    }
    const text = values.json === true ? asJson(keys) : asTable(keys, Date.now());
    if (text !== "") context.stdout.write(`${text}\n`);
    return exitCodes.done;
  });
}

function asJson(keys: readonly ApiKey[]): string {
  return printableJson(
    keys.map((key) => toJson(ApiKeySchema, key, { useProtoFieldName: true })),
    2,
  );
}

function asTable(keys: readonly ApiKey[], nowMs: number): string {
  if (keys.length === 0) return "";
  return columns(
    keys.map((key) => {
      const scopes = key.scopes.map((scope) => Scope[scope].toLowerCase()).join(",");
      const words = [
        scopes,
        key.prefix && `${key.prefix}…`,
        ...key.allowedOrigins,
        limitsText(key.limits),
        lifeOf(key, nowMs),
        key.name,
      ];
      return [key.keyId, words.filter((word) => word !== "").join("  ")];
    }),
  );
}

function lifeOf({ expireTime, revokeTime }: ApiKey, nowMs: number): string {
  if (revokeTime !== undefined) return `revoked ${timestampDate(revokeTime).toISOString()}`;
  if (expireTime === undefined) return "";
  const expires = timestampDate(expireTime);
  return `${expires.getTime() <= nowMs ? "expired" : "expires"} ${expires.toISOString()}`;
}
