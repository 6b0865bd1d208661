/** A port with small implementations of two services behind it, for the tests of transport. */

import { fromBinary } from "@bufbuild/protobuf";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import {
  EventIngestionService,
  IngestResult,
  type StreamEventsRequest,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { Scope } from "../../gen/analytics/v1/options_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { bindService, type Call, type ServiceBinding } from "../../src/domain/call.ts";
import { WeirError } from "../../src/domain/errors.ts";
import type { CallRecord, TransportLog } from "../../src/transport/log.ts";
import { createTransport, type Transport, type TransportOptions } from "../../src/transport/server.ts";

/** What the services were called with. */
export interface Seen {
  readonly calls: { readonly request: unknown; readonly call: Call }[];
  readonly records: CallRecord[];
  /** Pieces of 64 KiB that an endless export has made. */
  pieces: number;
  /** Exports whose service has been let go. */
  ended: number;
  /** Each lets a service go on that has the user "hold" in work. */
  readonly held: (() => void)[];
  readonly logged: { level: string; fields: object; message: string }[];
}

export interface TestPort {
  readonly transport: Transport;
  readonly addresses: readonly string[];
  /** http or https URL of the first address. */
  readonly url: string;
  readonly seen: Seen;
}

const allScopes = new Set([Scope.INGEST, Scope.QUERY, Scope.ADMIN, Scope.PLATFORM]);

export async function startPort(options: Partial<TransportOptions> = {}): Promise<TestPort> {
  const seen: Seen = { calls: [], records: [], pieces: 0, ended: 0, held: [], logged: [] };
  const level = (name: string) => (fields: object, message: string) => {
    seen.logged.push({ level: name, fields, message });
  };
  const log: TransportLog = {
    debug: level("debug"),
    info: level("info"),
    warn: level("warn"),
    error: level("error"),
  };
  const transport = await createTransport({
    listen: ["127.0.0.1:0"],
    services: testServices(seen),
    authenticator: {
      authenticate: () => ({ project: "default", scopes: allScopes }),
      allowsOrigin: () => false,
      refusalOf: () => undefined,
    },
    open: true,
    allowedOrigins: [],
    log,
    observe: (record) => seen.records.push(record),
    pages: {
      health: () => [{ name: "log", status: "healthy", message: "" }],
      ready: () => true,
      stats: () => ({ producer: { accepted: 1n } }),
      lag: () => ({ partitions: [] }),
      metrics: async () => ({ contentType: "text/plain; version=0.0.4", body: "events_processed_total 0\n" }),
      version: "0.0.0-test",
    },
    ...options,
  });
  const addresses = await transport.start();
  const scheme = options.tls === undefined ? "http" : "https";
  return { transport, addresses, url: `${scheme}://${addresses[0]}`, seen };
}

/** The user names make the fakes fail, wait, and so on. */
export function testServices(seen: Seen): ServiceBinding[] {
  const note = (request: unknown, call: Call) => {
    seen.calls.push({ request, call });
  };
  return [
    bindService(EventIngestionService, {
      ingestEvent: async (request, call) => {
        note(request, call);
        return { eventId: "e", result: IngestResult.ACCEPTED, success: true, message: "" };
      },
      ingestEvents: async (request, call) => {
        note(request, call);
        const rejected = [...call.unparsed].map(([index, violation]) => ({
          index,
          reason: "INVALID_EVENT",
          violations: [{ field: violation.field, ruleId: violation.ruleId, message: violation.message }],
        }));
        return {
          acceptedCount: request.events.length - rejected.length,
          rejected,
          success: rejected.length === 0,
        };
      },
      streamEvents: async function* (requests: AsyncIterable<StreamEventsRequest>, call: Call) {
        note(undefined, call);
        yield { message: { case: "credit" as const, value: { events: 1000 } } };
        for await (const request of requests) {
          if (request.message.case !== "batch") continue;
          const { sequence, events } = request.message.value;
          if (isHeld(events[0])) await new Promise<void>((resolve) => seen.held.push(resolve));
          yield {
            message: { case: "ack" as const, value: { sequence, result: { acceptedCount: events.length } } },
          };
        }
      },
      health: async (request, call) => {
        note(request, call);
        return { status: 1 };
      },
    }),
    bindService(ProducerService, {
      sendEvent: async (request, call) => {
        note(request, call);
        await behave(request.event?.userId ?? "", call);
        return { eventId: request.event?.id ?? "", result: IngestResult.ACCEPTED, success: true };
      },
      sendEventAsync: async (request, call) => {
        note(request, call);
        return { eventId: request.event?.id ?? "", result: IngestResult.QUEUED, success: true };
      },
      sendBatchEvents: async (request, call) => {
        note(request, call);
        return {
          acceptedCount: request.events.length - call.unparsed.size,
          success: call.unparsed.size === 0,
        };
      },
      getProducerHealth: async () => ({ status: 1 }),
      getProducerStats: async () => ({ acceptedCount: 12345678901234n, errorsByReason: { QUEUE_FULL: 1n } }),
    }),
    bindService(AnalyticsService, {
      getAnalyticsSummary: async (request, call) => {
        note(request, call);
        return {};
      },
      getUserAnalytics: async (request, call) => {
        note(request, call);
        return {};
      },
      exportEvents: async function* (request, call) {
        note(request, call);
        if (request.filter === "fail")
          throw new WeirError("INVALID_ARGUMENT", "INVALID_FILTER", "bad filter");
        const [contentType, fileName] = ["text/csv", "rows.csv"];
        try {
          while (request.filter === "endless") {
            seen.pieces++;
            yield { contentType, fileName, data: new Uint8Array(64 * 1024) };
          }
          for (let i = 0; i < 3; i++) {
            yield { contentType, fileName, data: new TextEncoder().encode(`row ${i}\n`) };
          }
          if (request.filter === "break") throw new Error("broken in the middle");
        } finally {
          seen.ended++;
        }
      },
    }),
  ];
}

/** Events of a stream come as they were sent: as bytes. */
function isHeld(event: unknown): boolean {
  return event instanceof Uint8Array && fromBinary(EventSchema, event).userId === "hold";
}

async function behave(userId: string, call: Call): Promise<void> {
  if (userId === "full") {
    throw new WeirError("RESOURCE_EXHAUSTED", "QUEUE_FULL", "the queue is full", { retryDelayMs: 1500 });
  }
  if (userId === "defect") throw new Error("secret detail");
  if (userId === "wait") await new Promise((resolve) => call.signal.addEventListener("abort", resolve));
}
