import { setTimeout as sleep } from "node:timers/promises";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  errorReason,
  type IngestEventsResponse,
  type RejectedEvent,
  type SendBatchEventsResponse,
  type WeirClient,
} from "../../../client/node/index.ts";
import type { Batch } from "./batches.ts";
import type { RateTurns } from "./rate-turns.ts";
import { reject, type Tally } from "./tally.ts";

/** Sendings of an event that the server rejects for now, in all. */
const maxSendings = 10;
/** The shortest wait before another sending, in ms. */
const minDelayMs = 50;

/**
 * Sends one batch and enters in the tally what became of each event. Events that the server rejects only for now are
 * sent again after the delay that it asks for; a batch that is too large is halved; one that is invalid as a whole is
 * rejected.
 *
 * @throws ConnectError where a request fails for a reason that is not its events'; they are not entered then
 */
export async function sendBatch(
  weir: WeirClient,
  batch: Batch,
  tally: Tally,
  turns: RateTurns,
): Promise<void> {
  let pending = batch;
  for (let sending = 1; ; sending++) {
    const request = pending;
    const answer = await turns.run(() => submit(weir, request).catch(refusal));
    if (answer instanceof ConnectError) {
      if (errorReason(answer) === "BODY_TOO_LARGE" && pending.events.length > 1) {
        const half = Math.ceil(pending.events.length / 2);
        for (const chosen of [(i: number) => i < half, (i: number) => i >= half])
          await sendBatch(weir, part(pending, chosen), tally, turns);
        return;
      }
      for (const line of pending.lines)
        reject(tally, line, errorReason(answer) ?? "REFUSED", answer.rawMessage);
      return;
    }
    const again = answer.rejected.filter((event) => event.retryable && sending < maxSendings);
    tally.accepted += answer.acceptedCount;
    tally.duplicates += answer.duplicateCount;
    tally.queued += answer.queuedCount;
    tally.quarantined += answer.quarantinedCount;
    for (const event of answer.rejected) {
      if (!again.includes(event)) reject(tally, pending.lines[event.index]!, event.reason, reasonText(event));
    }
    if (again.length === 0) return;
    await sleep(Math.max(minDelayMs, ...again.map(delayMs)));
    const indexes = new Set(again.map(({ index }) => index));
    pending = part(pending, (i) => indexes.has(i));
  }
}

/** An error that says something of this request only, so that the next may fare better; throws any other. */
function refusal(error: unknown): ConnectError {
  const concernsRequest =
    error instanceof ConnectError &&
    (error.code === Code.InvalidArgument || errorReason(error) === "BODY_TOO_LARGE");
  if (!concernsRequest) throw error;
  return error;
}

function submit(weir: WeirClient, batch: Batch): Promise<IngestEventsResponse | SendBatchEventsResponse> {
  return batch.kind === "event"
    ? weir.ingestion.ingestEvents({ events: batch.events })
    : weir.producer.sendBatchEvents({ events: batch.events });
}

function part(batch: Batch, chosen: (index: number) => boolean): Batch {
  const lines = batch.lines.filter((_, i) => chosen(i));
  return batch.kind === "event"
    ? { kind: "event", events: batch.events.filter((_, i) => chosen(i)), lines }
    : { kind: "flat", events: batch.events.filter((_, i) => chosen(i)), lines };
}

/** Which event of the request a field belongs to: the line's number says so already. */
const placeInRequest = /^events\[\d+\]\.?/;

function reasonText({ violations, reason }: RejectedEvent): string {
  if (violations.length === 0) return reason;
  return violations
    .map(({ field, message }) => {
      const path = field.replace(placeInRequest, "");
      return path === "" ? message : `${path}: ${message}`;
    })
    .join("; ");
}

function delayMs({ retryDelay }: RejectedEvent): number {
  return retryDelay === undefined ? 0 : Number(retryDelay.seconds) * 1_000 + retryDelay.nanos / 1e6;
}
