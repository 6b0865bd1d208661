import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { bindService, type ServiceBinding } from "../domain/call.ts";
import { healthAnswer, type StageHealth } from "../domain/health.ts";
import type { Admission } from "./admission.ts";
import { batchAnswer, invalidEvent, senderOf, singleAnswer } from "./answers.ts";
import type { Candidate } from "./check.ts";
import { createEventStream } from "./stream.ts";

const eventPath = (_index: number, field: string) => (field === "" ? "event" : `event.${field}`);
export const eventsPath = (index: number, field: string) =>
  field === "" ? `events[${index}]` : `events[${index}].${field}`;

/** EventIngestionService over admission. */
export function createIngestionService(options: {
  readonly admission: Admission;
  readonly health: () => readonly StageHealth[];
}): ServiceBinding {
  const { admission, health } = options;
  return bindService(EventIngestionService, {
    async ingestEvent(request, call) {
      const { event } = request as { event?: Candidate };
      if (event === undefined || (event instanceof Uint8Array && event.length === 0)) {
        throw invalidEvent([{ field: "event", ruleId: "required", message: "is required" }]);
      }
      const admitted = await admission.admit([event], request.options, senderOf(call));
      return singleAnswer(admitted, eventPath, request.options?.validateOnly);
    },
    async ingestEvents(request, call) {
      const events = request.events as readonly Candidate[];
      const admitted = await admission.admit(events, request.options, senderOf(call), call.unparsed);
      return batchAnswer(admitted, eventsPath);
    },
    streamEvents: createEventStream(admission),
    async health() {
      return healthAnswer(health());
    },
  });
}
