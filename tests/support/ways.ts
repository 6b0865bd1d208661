/** The ways an event goes in and comes out again, each over a real client. */
import { fromJson, fromJsonString, type JsonObject, type JsonValue, toJson } from "@bufbuild/protobuf";
import { createClient, type Transport } from "@connectrpc/connect";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import {
  type GetUserAnalyticsResponse,
  GetUserAnalyticsResponseSchema,
} from "../../gen/analytics/v1/analytics_user_pb.js";
import { type Event, EventSchema } from "../../gen/analytics/v1/event_pb.js";
import {
  EventIngestionService,
  IngestEventResponseSchema,
  type IngestResult,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService, SendEventResponseSchema } from "../../gen/analytics/v1/producer_pb.js";
import { type BufCall, bufCurl } from "./buf-curl.ts";
import { curlGet, curlJson } from "./curl.ts";
import { type GrpcurlCall, grpcurl } from "./grpcurl.ts";
import type { Finished } from "./process.ts";

/** What is read of an answer to one event. */
export interface Sent {
  readonly eventId: string;
  readonly result: IngestResult;
  readonly visibilityToken: string;
}

export interface Way {
  readonly name: string;
  /** What the server's log calls it. */
  readonly protocol: "connect" | "grpc" | "grpc-web" | "rest";
  /** HTTP method of a question. */
  readonly asksBy: "GET" | "POST";
  send(event: Event, requestId: string): Promise<Sent>;
  /** One user, once the token's event is visible. */
  user(userId: string, token: string, requestId: string): Promise<GetUserAnalyticsResponse>;
}

const { ingestEvent } = EventIngestionService.method;
const { getUserAnalytics } = AnalyticsService.method;

/** Over the clients that connect-es makes of the contract. */
export function clientWay(named: Pick<Way, "name" | "protocol" | "asksBy">, transport: Transport): Way {
  const ingestion = createClient(EventIngestionService, transport);
  const analytics = createClient(AnalyticsService, transport);
  const options = (requestId: string) => ({ headers: { "x-request-id": requestId } });
  return {
    ...named,
    send: (event, requestId) => ingestion.ingestEvent({ event }, options(requestId)),
    user: (userId, token, requestId) =>
      analytics.getUserAnalytics({ userId, minVisibility: [token] }, options(requestId)),
  };
}

/** The same for the flat event of ProducerService. */
export function flatClientWay(named: Pick<Way, "name" | "protocol" | "asksBy">, transport: Transport): Way {
  const producer = createClient(ProducerService, transport);
  return {
    ...clientWay(named, transport),
    send: (event, requestId) =>
      producer.sendEvent(fromJsonRequest(event), { headers: { "x-request-id": requestId } }),
  };
}

/** By curl over REST. */
export function restWay(url: string): Way {
  return {
    name: "REST by curl",
    protocol: "rest",
    asksBy: "GET",
    send: async (event, requestId) => {
      const body = { event: eventJson(event, true) };
      return fromJson(
        IngestEventResponseSchema,
        (await curlJson(`${url}/v1/events`, body, ...idHeader(requestId))) as JsonValue,
      );
    },
    user: async (userId, token, requestId) => {
      const path = `/v1/analytics/users/${encodeURIComponent(userId)}`;
      const parameters = [["min_visibility", token]] as const;
      return fromJson(
        GetUserAnalyticsResponseSchema,
        (await curlGet(url + path, parameters, ...idHeader(requestId))) as JsonValue,
      );
    },
  };
}

/** By curl over REST, the event a flat one. */
export function flatRestWay(url: string): Way {
  return {
    ...restWay(url),
    name: "REST by curl, flat",
    send: async (event, requestId) =>
      fromJson(
        SendEventResponseSchema,
        (await curlJson(`${url}/events`, flatJson(event), ...idHeader(requestId))) as JsonValue,
      ),
  };
}

/** By curl, as Connect's documents show it. */
export function connectByCurl(url: string): Way {
  const call = async (path: string, body: unknown, requestId: string) =>
    (await curlJson(`${url}/analytics.v1.${path}`, body, ...idHeader(requestId))) as JsonValue;
  return {
    name: "Connect JSON by curl",
    protocol: "connect",
    asksBy: "POST",
    send: async (event, requestId) => {
      const body = { event: eventJson(event) };
      return fromJson(
        IngestEventResponseSchema,
        await call("EventIngestionService/IngestEvent", body, requestId),
      );
    },
    user: async (userId, token, requestId) => {
      const body = { userId, minVisibility: [token] };
      return fromJson(
        GetUserAnalyticsResponseSchema,
        await call("AnalyticsService/GetUserAnalytics", body, requestId),
      );
    },
  };
}

export function bufWay(call: BufCall): Way {
  const protocol = call.protocol === "grpcweb" ? "grpc-web" : call.protocol;
  return commandWay({ name: `buf curl --protocol ${call.protocol}`, protocol }, (requestId, ...rest) =>
    bufCurl({ ...call, headers: { "x-request-id": requestId } }, ...rest),
  );
}

export function grpcurlWay(call: GrpcurlCall): Way {
  return commandWay({ name: "grpcurl", protocol: "grpc" }, (requestId, ...rest) =>
    grpcurl({ ...call, headers: { "x-request-id": requestId } }, ...rest),
  );
}

type RunMethod = (
  requestId: string,
  method: typeof ingestEvent | typeof getUserAnalytics,
  request: unknown,
) => Promise<Finished>;

/** By a command that takes and prints proto JSON. */
function commandWay(named: Pick<Way, "name" | "protocol">, run: RunMethod): Way {
  const call = async (...request: Parameters<RunMethod>): Promise<string> => {
    const { code, stdout, stderr } = await run(...request);
    if (code !== 0) throw new Error(`${named.name} ended with ${code}: ${stderr}`);
    return stdout;
  };
  return {
    ...named,
    asksBy: "POST",
    send: async (event, requestId) => {
      const request = { event: eventJson(event) };
      return fromJsonString(IngestEventResponseSchema, await call(requestId, ingestEvent, request));
    },
    user: async (userId, token, requestId) => {
      const request = { userId, minVisibility: [token] };
      return fromJsonString(GetUserAnalyticsResponseSchema, await call(requestId, getUserAnalytics, request));
    },
  };
}

function idHeader(requestId: string): string[] {
  return ["-H", `x-request-id: ${requestId}`];
}

function eventJson(event: Event, useProtoFieldName = false): JsonValue {
  return toJson(EventSchema, event, { useProtoFieldName });
}

/** The flat event that means the same: its name stands in event_type, its measures among the properties. */
function flatJson({
  id,
  userId,
  sessionId,
  name,
  source,
  properties,
  measures,
  timestamp,
}: Event): JsonObject {
  return {
    id,
    user_id: userId,
    session_id: sessionId,
    event_type: name,
    properties: { ...properties, ...measures },
    source,
    ...(timestamp ? { timestamp: Number(timestamp.seconds) + timestamp.nanos / 1e9 } : {}),
  };
}

function fromJsonRequest(event: Event) {
  return fromJson(ProducerService.method.sendEvent.input, { event: flatJson(event) });
}
