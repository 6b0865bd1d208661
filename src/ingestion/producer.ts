import { create } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { Durability, type IngestOptions, IngestOptionsSchema } from "../../gen/analytics/v1/ingestion_pb.js";
import { type FlatEvent, ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { bindService, type Call, type ServiceBinding } from "../domain/call.ts";
import type { FieldViolation } from "../domain/errors.ts";
import { healthAnswer, type StageHealth } from "../domain/health.ts";
import type { Admission, Admitted } from "./admission.ts";
import { batchAnswer, senderOf, singleAnswer } from "./answers.ts";
import { fromFlatEvent } from "./flat-event.ts";
import { eventsPath } from "./service.ts";
import type { IngestionStats } from "./stats.ts";

/** A flat event calls the name of the event event_type. */
const flatField = (field: string) => (field === "name" ? "event_type" : field);
const singlePath = (_index: number, field: string) => (field === "" ? "event" : `event.${flatField(field)}`);
const batchPath = (index: number, field: string) => eventsPath(index, flatField(field));

/** ProducerService: flat events over the same admission. */
export function createProducerService(options: {
  readonly admission: Admission;
  readonly stats: IngestionStats;
  /** What waits to be written. */
  readonly queue: () => { readonly events: number; readonly bytes: number };
  readonly health: () => readonly StageHealth[];
}): ServiceBinding {
  const { admission, stats, queue, health } = options;

  function admit(
    events: readonly FlatEvent[],
    ingest: IngestOptions | undefined,
    call: Call,
  ): Promise<Admitted> {
    const unparsed = new Map<number, FieldViolation>(call.unparsed);
    const candidates = events.map((flat, index) => {
      const event = fromFlatEvent(flat);
      if ("$typeName" in event) return event;
      if (!unparsed.has(index)) unparsed.set(index, event);
      return create(EventSchema, { id: flat.id });
    });
    return admission.admit(candidates, ingest, senderOf(call), unparsed);
  }

  return bindService(ProducerService, {
    async sendEvent(request, call) {
      const admitted = await admit([request.event!], request.options, call);
      return singleAnswer(admitted, singlePath, request.options?.validateOnly);
    },
    async sendEventAsync(request, call) {
      const queued = create(IngestOptionsSchema, { durability: Durability.QUEUED });
      const { visibilityToken: _, ...answer } = singleAnswer(
        await admit([request.event!], queued, call),
        singlePath,
      );
      return answer;
    },
    async sendBatchEvents(request, call) {
      return batchAnswer(await admit(request.events, request.options, call), batchPath);
    },
    async getProducerHealth() {
      return healthAnswer(health());
    },
    async getProducerStats() {
      const { events, bytes } = queue();
      const { latency, ...figures } = stats.read();
      return {
        acceptedCount: BigInt(figures.accepted),
        duplicateCount: BigInt(figures.duplicate),
        queuedCount: BigInt(figures.queued),
        rejectedCount: BigInt(figures.rejected),
        eventsPerSecond: figures.eventsPerSecond,
        ...(latency ? { latency } : {}),
        errorsByReason: Object.fromEntries([...figures.errors].map(([reason, n]) => [reason, BigInt(n)])),
        queueEvents: BigInt(events),
        queueBytes: BigInt(bytes),
      };
    },
  });
}
