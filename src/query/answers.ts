/** From the store's answers to the contract's messages. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { NameCountSchema, StoredEventSchema } from "../../gen/analytics/v1/analytics_events_pb.js";
import { EventType } from "../../gen/analytics/v1/event_pb.js";
import { type FlatEvent, timestampOf } from "../domain/record/flatten.ts";
import type { CountedKey } from "../store/questions.ts";

const eventTypes: Record<string, EventType> = {
  user: EventType.USER,
  transaction: EventType.TRANSACTION,
  system: EventType.SYSTEM,
  custom: EventType.CUSTOM,
};

export function storedEvent(event: FlatEvent): MessageInitShape<typeof StoredEventSchema> {
  return {
    event: {
      id: event.id,
      userId: event.userId,
      sessionId: event.sessionId,
      eventType: eventTypes[event.eventType] ?? EventType.CUSTOM,
      name: event.name,
      timestamp: timestampOf(event.timestampUs),
      source: event.source,
      properties: event.properties,
      measures: event.measures,
    },
    receivedTime: timestampOf(event.receivedUs),
  };
}

export function nameCount({ key, events }: CountedKey): MessageInitShape<typeof NameCountSchema> {
  return { name: key, events: BigInt(events) };
}
