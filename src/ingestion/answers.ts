import type { MessageInitShape } from "@bufbuild/protobuf";
import { type Timestamp, timestampFromMs } from "@bufbuild/protobuf/wkt";
import {
  type IngestEventsResponseSchema,
  IngestResult,
  type RejectedEventSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import type { Call } from "../domain/call.ts";
import { type FieldViolation, WeirError } from "../domain/errors.ts";
import type { Admitted, Sender, Verdict } from "./admission.ts";

/** Field path of an event's field in the request, such as events[3].user_id. */
export type PathOf = (index: number, field: string) => string;

export function senderOf(call: Call): Sender {
  return {
    project: call.principal.project,
    requestId: call.requestId,
    deadline: call.deadline,
    signal: call.signal,
    ...(call.trace === undefined ? {} : { trace: call.trace }),
    ...(call.events === undefined ? {} : { events: call.events }),
  };
}

/** The answer to a batch; the flat one of ProducerService has the same fields. */
export function batchAnswer(admitted: Admitted, pathOf: PathOf) {
  return {
    acceptedCount: admitted.counts.accepted,
    duplicateCount: admitted.counts.duplicate,
    queuedCount: admitted.counts.queued,
    rejected: admitted.rejections.map(
      (rejection): MessageInitShape<typeof RejectedEventSchema> => ({
        index: rejection.index,
        eventId: rejection.id,
        reason: "INVALID_EVENT",
        violations: rejection.violations.map((v) => ({ ...v, field: pathOf(rejection.index, v.field) })),
        retryable: false,
      }),
    ),
    visibilityToken: admitted.visibilityToken,
    success: admitted.rejections.length === 0,
    receivedTime: timestampFromMs(admitted.receivedMs),
  } satisfies MessageInitShape<typeof IngestEventsResponseSchema>;
}

/** What is answered for a single event. */
export interface SingleAnswer {
  readonly eventId: string;
  readonly result: IngestResult;
  readonly receivedTime: Timestamp;
  readonly visibilityToken: string;
  readonly success: boolean;
  readonly message: string;
}

/** @throws WeirError INVALID_ARGUMENT/INVALID_EVENT where the event was rejected */
export function singleAnswer(admitted: Admitted, pathOf: PathOf, validateOnly = false): SingleAnswer {
  const [rejection] = admitted.rejections;
  if (rejection) throw invalidEvent(rejection.violations.map((v) => ({ ...v, field: pathOf(0, v.field) })));
  const verdict = admitted.verdicts[0]!;
  return {
    eventId: admitted.ids[0]!,
    result: results[verdict],
    receivedTime: timestampFromMs(admitted.receivedMs),
    visibilityToken: admitted.visibilityToken,
    success: true,
    message: validateOnly ? "the event is valid; nothing was stored" : messages[verdict],
  };
}

export function invalidEvent(violations: readonly FieldViolation[]): WeirError {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const message = `${first!.field}: ${first!.message}${more}`;
  return new WeirError("INVALID_ARGUMENT", "INVALID_EVENT", message, { violations });
}

const results: Record<Verdict, IngestResult> = {
  accepted: IngestResult.ACCEPTED,
  duplicate: IngestResult.DUPLICATE,
  queued: IngestResult.QUEUED,
};

const messages: Record<Verdict, string> = {
  accepted: "the event is stored",
  duplicate: "an event of this project, user_id and id is stored already; the first one counts",
  queued: "the event is queued",
};
