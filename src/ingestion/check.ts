import { fromBinary, toBinary } from "@bufbuild/protobuf";
import { type Event, EventSchema } from "../../gen/analytics/v1/event_pb.js";
import type { FieldViolation } from "../domain/errors.ts";
import { brokenIdentity } from "../domain/identity.ts";
import { flatLimits, flattenEvent, flatViolations, timestampUs } from "../domain/record/flatten.ts";
import { encodeEventField, encodeRecordTail } from "../domain/record/record.ts";
import type { LogRecord } from "../log/log.ts";
import { surelyValid } from "./surely-valid.ts";

/** An event as it was received: the bytes where the request was binary, so that the record carries them. */
export type Candidate = Event | Uint8Array;

/** What all events of a request share. */
export interface Reception {
  readonly project: string;
  readonly receivedMs: number;
  readonly requestId: string;
  readonly trace?: string;
  /** encodeRecordHead of the request. */
  readonly head: Uint8Array;
  /** Added to timestamps that the sender gave, where its clock is off; 0 where it is not. */
  readonly shiftUs: number;
}

/** A record that may be appended, or why not. */
export type Checked =
  | { readonly record: LogRecord; readonly violations?: undefined }
  | { readonly id: string; readonly violations: readonly FieldViolation[] };

export interface CheckOptions {
  /** The contract's static rules. */
  readonly validate: (event: Event) => readonly FieldViolation[];
  readonly newId: () => string;
  /** How far in the future a timestamp may lie, in milliseconds. */
  readonly maxFutureMs: number;
}

/** Checks one event and makes its record: static rules, identity, time, and the limits as flattened. */
export function createCheck(options: CheckOptions): (candidate: Candidate, reception: Reception) => Checked {
  const { validate, newId, maxFutureMs } = options;

  return (candidate, reception) => {
    let event: Event;
    let bytes: Uint8Array;
    if (candidate instanceof Uint8Array) {
      if (candidate.length > flatLimits.eventBytes)
        return { id: "", violations: [tooLarge(candidate.length)] };
      bytes = candidate;
      try {
        event = fromBinary(EventSchema, candidate);
      } catch (error) {
        return {
          id: "",
          violations: [
            { field: "", ruleId: "parse", message: `cannot be parsed: ${(error as Error).message}` },
          ],
        };
      }
    } else {
      event = candidate;
      bytes = toBinary(EventSchema, event);
    }

    const violations = surelyValid(event) ? [] : validate(event);
    if (violations.length > 0) return { id: event.id, violations };
    if (event.timestamp && !(event.timestamp.nanos >= 0 && event.timestamp.nanos < 1e9)) {
      return { id: event.id, violations: [brokenNanos] };
    }
    const broken = brokenIdentity(event.userId);
    if (broken) return { id: event.id, violations: [broken] };

    const receivedUs = reception.receivedMs * 1000;
    const original = event.timestamp && timestampUs(event.timestamp);
    const shifted = original !== undefined && reception.shiftUs !== 0;
    const timestamp = shifted ? Math.max(0, original + reception.shiftUs) : original;
    if (timestamp !== undefined && timestamp > receivedUs + maxFutureMs * 1000) {
      return { id: event.id, violations: [inFuture(maxFutureMs)] };
    }
    const id = event.id === "" ? newId() : "";
    const tail = {
      id,
      timestampUs: shifted ? timestamp : undefined,
      originalTimestampUs: shifted ? original : undefined,
    };
    const flat = flatViolations(flattenEvent(event, { receivedUs, ...tail }), bytes.length);
    if (flat.length > 0) return { id: event.id, violations: flat };

    const tailBytes = encodeRecordTail(tail);
    const field = encodeEventField(bytes.length);
    return {
      record: {
        project: reception.project,
        userId: event.userId,
        id: id || event.id,
        receivedMs: reception.receivedMs,
        requestId: reception.requestId,
        ...(reception.trace === undefined ? {} : { trace: reception.trace }),
        value: tailBytes ? [reception.head, field, bytes, tailBytes] : [reception.head, field, bytes],
      },
    };
  };
}

const brokenNanos: FieldViolation = {
  field: "timestamp",
  ruleId: "timestamp.nanos",
  message: "nanos must be from 0 to 999,999,999",
};

function tooLarge(bytes: number): FieldViolation {
  const message = `must be at most ${flatLimits.eventBytes} bytes, is ${bytes}`;
  return { field: "", ruleId: "event.max_bytes", message };
}

function inFuture(maxFutureMs: number): FieldViolation {
  const message = `must be at most ${maxFutureMs / 60_000} minutes in the future`;
  return { field: "timestamp", ruleId: "timestamp.future", message };
}
