import { toJson } from "@bufbuild/protobuf";
import { timestampDate } from "@bufbuild/protobuf/wkt";
import { type ApiKey, ApiKeySchema, Scope } from "../../../client/node/index.ts";
import { type CommandContext, columns, exitCodes, type FlagValues } from "../command.ts";
import { askOnce } from "../connection.ts";

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
  return JSON.stringify(
    keys.map((key) => toJson(ApiKeySchema, key, { useProtoFieldName: true })),
    undefined,
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
        lifeOf(key, nowMs),
        printable(key.name),
      ];
      return [key.keyId, words.filter((word) => word !== "").join("  ")];
    }),
  );
}

/** Names are anybody's words, which must not steer the terminal of whoever reads the list. */
function printable(name: string): string {
  const escaped = (character: string) => `\\u{${character.codePointAt(0)!.toString(16)}}`;
  return name.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, escaped);
}

function lifeOf({ expireTime, revokeTime }: ApiKey, nowMs: number): string {
  if (revokeTime !== undefined) return `revoked ${timestampDate(revokeTime).toISOString()}`;
  if (expireTime === undefined) return "";
  const expires = timestampDate(expireTime);
  return `${expires.getTime() <= nowMs ? "expired" : "expires"} ${expires.toISOString()}`;
}
