import {
  create,
  type DescMessage,
  type DescMethod,
  type MessageInitShape,
  type MessageShape,
} from "@bufbuild/protobuf";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";

const single: readonly DescMethod[] = [
  EventIngestionService.method.ingestEvent,
  ProducerService.method.sendEvent,
  ProducerService.method.sendEventAsync,
];
const batches: readonly DescMethod[] = [
  EventIngestionService.method.ingestEvents,
  ProducerService.method.sendBatchEvents,
];

/** Whether the method takes events in one request, so that with ids of their own it is safe to send it again. */
export function takesEvents(method: DescMethod): boolean {
  return single.includes(method) || batches.includes(method);
}

/**
 * The request with an id for every event that has none, so that all its attempts speak of the same events and the
 * server recognises the second as a duplicate. What the caller passed in is left as it is.
 */
export function withEventIds<I extends DescMessage>(
  method: DescMethod & { input: I },
  input: MessageInitShape<I>,
  newId: () => string,
): MessageShape<I> {
  const request = copy(create(method.input, input)) as MessageShape<I> & EventRequest;
  if (batches.includes(method)) {
    request.events = request.events?.map((event) => identified(event, newId)) ?? [];
  } else if (request.event !== undefined) {
    request.event = identified(request.event, newId);
  }
  return request;
}

interface Identified {
  id: string;
}

/** A request of any of the methods above. */
interface EventRequest {
  event?: Identified;
  events?: Identified[];
}

function identified(event: Identified, newId: () => string): Identified {
  if (event.id !== "") return event;
  const named = copy(event);
  named.id = newId();
  return named;
}

function copy<T extends object>(message: T): T {
  return Object.assign(Object.create(Object.getPrototypeOf(message)), message);
}
