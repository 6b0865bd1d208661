import type { LogRecord } from "../log.ts";
import { type BatchRecord, encodeHeaders } from "./record-batch.ts";

/** Name of the message that every value is, told in the header `schema`. */
export const recordSchema = "analytics.v1.Record";

/**
 * A record as it is sent: the key is the user_id, the value the record, complete in itself; the headers repeat the project
 * the request and the trace, for those who look at it without decoding.
 */
export type RecordEncoder = (record: LogRecord, key: Uint8Array) => BatchRecord;

export function createRecordEncoder(): RecordEncoder {
  // The same for all records of a request.
  let project: string | undefined;
  let requestId = "";
  let trace: string | undefined;
  let headers: Uint8Array = new Uint8Array();

  return (record, key) => {
    if (record.project !== project || record.requestId !== requestId || record.trace !== trace) {
      ({ project, requestId, trace } = record);
      const request = requestId === "" ? {} : { request_id: requestId };
      headers = encodeHeaders({
        project,
        schema: recordSchema,
        ...request,
        ...(trace === undefined ? {} : { traceparent: trace }),
      });
    }
    return { key, value: record.value, headers };
  };
}

/** Of the batch's and the record's own fields, and the names of the headers: more than they take. */
const overheadBytes = 128;
/** Of the header of a traced record, whose value has 55 bytes. */
const traceBytes = 80;
/** UTF-8 takes at most 3 bytes for a UTF-16 code unit. */
const maxBytesPerUnit = 3;

/** Bytes that a record takes on the log at most, before compression. */
export function mostBytes({ project, userId, requestId, trace, value }: LogRecord): number {
  let bytes = overheadBytes + maxBytesPerUnit * (project.length + userId.length + requestId.length);
  if (trace !== undefined) bytes += traceBytes;
  for (const part of value) bytes += part.length;
  return bytes;
}
