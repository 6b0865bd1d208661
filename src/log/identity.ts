import { LogStartError } from "./log.ts";

/**
 * Version of all that a log keeps: keys, values, records, and what the small state says of it. Grows by one with each
 * change that a program from before would misread. A log that says none is of the first.
 */
export const logFormat = 1;

const formatKey = "log/format";

/** What makes a log this log, fixed when it is created. */
export interface LogIdentity {
  readonly logId: string;
  readonly partitions: number;
  /** Keys the hashes of ids. */
  readonly idSecret: Uint8Array;
  /** Of the topic that holds the records, as its cluster gave it; absent where there is none, or it is not known. */
  readonly topicId?: string;
}

/** Keys of the small state that hold it. */
export const identityKeys = {
  logId: "log/id",
  partitions: "log/partitions",
  idSecret: "secret/ids",
} as const;

/** Key that holds the topic's id, which is known only once the rest stands there. */
export const topicIdKey = "log/topic";

type Name = keyof typeof identityKeys;
const names = Object.keys(identityKeys) as Name[];

const logIdBytes = 16;
const idSecretBytes = 32;

export function newIdentity(partitions: number, randomBytes: (length: number) => Uint8Array): LogIdentity {
  return {
    logId: Buffer.from(randomBytes(logIdBytes)).toString("hex"),
    partitions,
    idSecret: randomBytes(idSecretBytes),
  };
}

/** Its values as the small state keeps them, each under its key, the format first; with the log's id, the last, all are there. */
export function identityEntries({ logId, partitions, idSecret }: LogIdentity): [string, Uint8Array][] {
  return [
    [formatKey, Buffer.from(String(logFormat))],
    [identityKeys.partitions, Buffer.from(String(partitions))],
    [identityKeys.idSecret, idSecret],
    [identityKeys.logId, Buffer.from(logId)],
  ];
}

/**
 * The identity that the small state keeps; undefined where it keeps none.
 *
 * @param get the value under a key
 * @throws LogStartError when it is incomplete, or of a newer format than this program's
 */
export async function readIdentity(
  get: (key: string) => Promise<Uint8Array | undefined>,
): Promise<LogIdentity | undefined> {
  checkFormat(await get(formatKey));
  const values = await Promise.all(names.map((name) => get(identityKeys[name])));
  const [logId, partitions, idSecret] = values;
  if (values.every((value) => value === undefined)) return undefined;
  if (logId === undefined || partitions === undefined || idSecret === undefined) {
    throw new LogStartError("the log is broken: its id, number of partitions or secret is missing");
  }
  const topicId = await get(topicIdKey);
  return {
    logId: textOf(logId),
    partitions: Number(textOf(partitions)),
    idSecret,
    ...(topicId === undefined ? {} : { topicId: textOf(topicId) }),
  };
}

function checkFormat(kept: Uint8Array | undefined): void {
  const format = kept === undefined ? 1 : Number(textOf(kept));
  if (format >= 1 && format <= logFormat) return;
  const advice = format > logFormat ? "run the newer version that wrote it" : "restore it from a backup";
  throw new LogStartError(`the log has format ${format}, this program reads ${logFormat}: ${advice}`);
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString();
}
