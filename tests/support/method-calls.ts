/** Every method of the contract, a request for it, and every way to send that. */
import { hash } from "node:crypto";
import { create, type DescMethod, type Message } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel } from "@bufbuild/protobuf/wkt";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { Scope } from "../../src/contract/options.ts";
import { contractServices } from "../../src/contract/registry.ts";
import type { RawRequest } from "./http.ts";
import { bindingsOf } from "./rest-request.ts";
import { connectGet, rest, restCall, streamWires, type Wire, wires } from "./wires.ts";

/** The operator's key of a server whose every method is called: it is there to be revoked. */
export const bootstrapKey = "a-key-that-is-there-to-be-revoked";
export const event = { id: "e-1", userId: "u-1", name: "click" };
const flat = { id: "e-1", userId: "u-1", eventType: "click" };
let projects = 0;
/** Requests of methods that take more than an empty one. */
const samples = new Map<DescMethod, Record<string, unknown> | (() => Record<string, unknown>)>([
  [EventIngestionService.method.ingestEvent, { event }],
  [EventIngestionService.method.ingestEvents, { events: [event] }],
  [EventIngestionService.method.streamEvents, { message: { case: "config", value: {} } }],
  [ProducerService.method.sendEvent, { event: flat }],
  [ProducerService.method.sendEventAsync, { event: flat }],
  [ProducerService.method.sendBatchEvents, { events: [flat] }],
  [AnalyticsService.method.getBreakdown, { dimension: "name" }],
  [AnalyticsService.method.getFunnelAnalysis, { steps: [{ name: "a" }, { name: "b" }] }],
  [AnalyticsService.method.getUserAnalytics, { userId: event.userId }],
  // All of them do not fit into the first bytes of an answer.
  [AdminService.method.createApiKey, { name: "key", scopes: [Scope.INGEST] }],
  // One that is there already is refused.
  [AdminService.method.createProject, () => ({ projectId: `project-${++projects}` })],
  [AdminService.method.updateProjectSettings, { settings: {} }],
  [AdminService.method.replayDeadLetters, { deadLetterIds: ["0-0"] }],
  [AdminService.method.discardDeadLetters, { deadLetterIds: ["0-0"] }],
  [AdminService.method.revokeApiKey, { keyId: `bootstrap-${hash("sha256", bootstrapKey).slice(0, 8)}` }],
  [MetricsService.method.streamMetrics, { names: ["service_uptime_seconds"] }],
]);

/** Streams that go on until their caller leaves. */
const endless = new Set<DescMethod>([
  AnalyticsService.method.getRealTimeAnalytics,
  AnalyticsService.method.tailEvents,
  MetricsService.method.streamMetrics,
]);

/** Of a user whom a route names in its path. */
const pathValues: Record<string, unknown> = { userId: "u-1", keyId: "k-1", deletionId: "d-1" };

export const methods = contractServices.flatMap((service) =>
  service.methods.map((method) => ({ name: `${service.typeName}/${method.name}`, method })),
);

/** @param more fields of the request beside those that it has anyway, or in their place */
export function requestOf(method: DescMethod, more: Readonly<Record<string, unknown>> = {}): Message {
  const known = Object.fromEntries(
    method.input.fields.flatMap(({ localName }) =>
      localName in pathValues ? [[localName, pathValues[localName]]] : [],
    ),
  );
  const sample = samples.get(method) ?? known;
  return create(method.input, { ...(typeof sample === "function" ? sample() : sample), ...more });
}

export interface MethodCall {
  /** Name of the protocol, or the route. */
  readonly by: string;
  readonly wire: Wire;
  readonly request: RawRequest;
}

/** Every way to call the method: by each protocol, and by each of its routes. @param more as for requestOf */
export function callsOf(method: DescMethod, more: Readonly<Record<string, unknown>> = {}): MethodCall[] {
  const unary = [...wires.filter((wire) => wire !== rest), ...(isRead(method) ? [connectGet] : [])];
  const protocols = method.methodKind === "unary" ? unary : streamWires("2");
  return [
    ...protocols.map((wire) => ({
      by: wire.name,
      wire,
      request: { ...wire.request(method, requestOf(method, more))!, endless: endless.has(method) },
    })),
    ...bindingsOf(method).map((binding) => ({
      by: `${binding.httpMethod} ${binding.template.source}`,
      wire: rest,
      request: restCall(binding, requestOf(method, more)),
    })),
  ];
}

/** Whether the method changes nothing, so that Connect takes it by GET too. */
export function isRead(method: DescMethod): boolean {
  return method.idempotency === MethodOptions_IdempotencyLevel.NO_SIDE_EFFECTS;
}
