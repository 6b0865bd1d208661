import type { MessageInitShape } from "@bufbuild/protobuf";
import type {
  EventIngestionService,
  IngestOptions,
  StreamEventsBatch,
  StreamEventsResponseSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import type { Call, MethodImplementation } from "../domain/call.ts";
import { invalidField, WeirError } from "../domain/errors.ts";
import { pause } from "../domain/pause.ts";
import type { Admission } from "./admission.ts";
import { batchAnswer, senderOf } from "./answers.ts";
import type { Candidate } from "./check.ts";

type Message = MessageInitShape<typeof StreamEventsResponseSchema>;

/** A limit may be lifted while a stream waits, however long it still owes. */
const longestPauseMs = 1000;

/**
 * A stream that is too fast is not refused but read more slowly, which its sender's credits tell it. Answers whether it is
 * the events' turn; it never is once the call is over.
 */
async function paced({ events, signal }: Call, count: number): Promise<boolean> {
  if (events === undefined) return true;
  for (let ms = events.delayMs(); ms > 0; ms = events.delayMs()) {
    await pause(Math.min(ms, longestPauseMs), signal);
    if (signal.aborted) return false;
  }
  events.take(count);
  return true;
}

export interface EventStreamOptions {
  /** Events that a sender may have unacknowledged. Default 10,000. */
  readonly credits?: number;
  /** Time between signs of life, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number;
}

const eventsPath = (index: number, field: string) =>
  field === "" ? `batch.events[${index}]` : `batch.events[${index}].${field}`;

/**
 * StreamEvents: reads batches as they come and admits them in order, while acknowledgements go out as they are known.
 * What waits is bounded by the credits: a credit counts from when its message went out, so a sender that does not read
 * gets none.
 */
export function createEventStream(
  admission: Admission,
  { credits: initialCredits = 10_000, heartbeatMs = 15_000 }: EventStreamOptions = {},
): MethodImplementation<(typeof EventIngestionService)["method"]["streamEvents"]> {
  return async function* streamEvents(requests, call) {
    const outbox: Message[] = [{ message: { case: "credit", value: { events: initialCredits } } }];
    let wake: () => void = () => {};
    let credits = 0;
    let pending = 0;
    let reading = true;
    let failure: unknown;
    /** Why the call is over; what an admission fails of by then says more. */
    let over: unknown;
    const push = (message: Message) => {
      outbox.push(message);
      wake();
    };
    const fail = (error: unknown) => {
      failure ??= error;
      wake();
    };

    async function admit(
      batch: StreamEventsBatch,
      options: IngestOptions | undefined,
      given: () => void,
    ): Promise<void> {
      pending++;
      try {
        const events = batch.events as readonly Candidate[];
        const { events: _, ...sender } = senderOf(call);
        const admitted = await admission.admit(events, options, { ...sender, given });
        const result = batchAnswer(admitted, eventsPath);
        push({ message: { case: "ack", value: { sequence: batch.sequence, result } } });
        push({ message: { case: "credit", value: { events: batch.events.length } } });
      } catch (error) {
        fail(error);
      } finally {
        pending--;
        wake();
        // Of a batch that was not given to the log.
        given();
      }
    }

    async function read(): Promise<void> {
      let options: IngestOptions | undefined;
      let configured = false;
      let expected = 1n;
      for await (const { message } of requests) {
        if (failure !== undefined || over !== undefined) return;
        if (message.case === "config") {
          if (configured) throw invalidField("config", "comes once, as the first message");
          configured = true;
          options = message.value.options;
          continue;
        }
        if (message.case !== "batch")
          throw invalidField("message", "config or batch is required", "required");
        if (!configured) throw invalidField("config", "comes first, before any batch");
        const batch = message.value;
        if (batch.sequence !== expected) {
          throw invalidField("batch.sequence", `must be ${expected}, one more than the batch before`);
        }
        expected++;
        credits -= batch.events.length;
        if (credits < 0) {
          const text = `${-credits} more events were sent than there were credits for`;
          throw new WeirError("RESOURCE_EXHAUSTED", "CREDIT_EXCEEDED", text);
        }
        if (!(await paced(call, batch.events.length))) return;
        // The next batch is checked while this one is written, but not before: a large one gives way to others as it is
        // checked, and what was sent later would come onto the log before it. admit never rejects.
        await new Promise<void>((given) => void admit(batch, options, given));
      }
    }

    const reader = read()
      .catch(fail)
      .finally(() => {
        reading = false;
        wake();
      });
    const heartbeat = setInterval(() => {
      if (outbox.length === 0) push({ message: { case: "heartbeat", value: {} } });
    }, heartbeatMs);
    const aborted = () => {
      over = call.signal.reason;
      wake();
    };
    call.signal.addEventListener("abort", aborted, { once: true });
    try {
      for (;;) {
        for (let next = outbox.shift(); next !== undefined; next = outbox.shift()) {
          if (next.message?.case === "credit") credits += next.message.value.events ?? 0;
          yield next;
        }
        // What was admitted is acknowledged before the stream ends, for whatever reason it ends.
        if (pending === 0 && (failure !== undefined || over !== undefined || !reading)) break;
        if (outbox.length > 0) continue;
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      if (failure !== undefined || over !== undefined) throw failure ?? over;
      await reader;
    } finally {
      clearInterval(heartbeat);
      call.signal.removeEventListener("abort", aborted);
    }
  };
}
