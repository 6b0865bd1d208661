import type { Message } from "kafkajs";
import type { LogRecord } from "../log.ts";

/** Name of the message that every value is, told in the header `schema`. */
export const recordSchema = "analytics.v1.Record";

/** Batch and record fields of Kafka's format, names of headers: more than they take. */
const overheadBytes = 128;
/** UTF-8 takes at most 3 bytes for a UTF-16 code unit. */
const maxBytesPerUnit = 3;

/**
 * A record as a message: the key is the user_id, the value the record, complete in itself; the headers repeat the project
 * and the request, for those who look at messages without decoding them.
 */
export function recordMessage(record: LogRecord, partition: number): Message {
  const { project, userId, requestId, value } = record;
  return {
    partition,
    key: userId,
    value: Buffer.concat(value as Uint8Array[]),
    headers: {
      project,
      schema: recordSchema,
      ...(requestId === "" ? {} : { request_id: requestId }),
    },
  };
}

/** Bytes that a record takes on the log at most, before compression. */
export function encodedBytes({ project, userId, requestId, value }: LogRecord): number {
  let bytes = overheadBytes + maxBytesPerUnit * (project.length + userId.length + requestId.length);
  for (const part of value) bytes += part.length;
  return bytes;
}
