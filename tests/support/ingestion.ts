import type { MessageShape } from "@bufbuild/protobuf";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { validate } from "../../src/contract/validate.ts";
import type { Call } from "../../src/domain/call.ts";
import { allScopes } from "../../src/domain/principal.ts";
import { type Admission, createAdmission } from "../../src/ingestion/admission.ts";
import { createIngestionStats, type IngestionStats } from "../../src/ingestion/stats.ts";
import type { EventLog } from "../../src/log/log.ts";
import { createMetrics } from "../../src/telemetry/metrics.ts";
import { createVisibility, type Visibility } from "../../src/visibility/visibility.ts";
import { type TemporaryLog, temporaryLog } from "./log.ts";

export interface Ingestion {
  readonly admission: Admission;
  readonly stats: IngestionStats;
  readonly visibility: Visibility;
  /** Moves what counts as applied to the log's end. */
  applyAll(): void;
}

export interface IngestionFixture extends TemporaryLog, Ingestion {}

/** Milliseconds since 1970 that the fixture takes for now. */
export const fixtureNow = Date.parse("2024-06-01T12:00:00Z");

/** Admission over a real log; what counts as applied is moved by the test. */
export async function ingestionFixture(
  options: Parameters<typeof temporaryLog>[0] = {},
): Promise<IngestionFixture> {
  const temporary = await temporaryLog(options);
  return { ...temporary, ...ingestionOver(temporary.log) };
}

/** Admission over a log; what counts as applied is moved by the test. */
export function ingestionOver(log: EventLog, now = () => fixtureNow): Ingestion {
  let applied: readonly number[] = log.starts();
  const listeners = new Set<() => void>();
  const stats = createIngestionStats(now);
  const visibility = createVisibility({
    secret: Buffer.from("secret of the fixture"),
    logId: log.logId,
    applied: {
      positions: () => applied,
      onApplied(listener) {
        listeners.add(listener);
        return () => listeners.delete(listener);
      },
    },
  });
  let ids = 0;
  const admission = createAdmission({
    log,
    visibility,
    metrics: createMetrics({ startedAtMs: fixtureNow, now }),
    stats,
    now,
    newId: () => `assigned-${++ids}`,
    maxFutureMs: 3_600_000,
    validate: (event: MessageShape<typeof EventSchema>) => validate(EventSchema, event),
  });
  return {
    admission,
    stats,
    visibility,
    applyAll() {
      applied = [...log.ends()];
      for (const listener of [...listeners]) listener();
    },
  };
}

/** A call by somebody who waits for a minute. */
export function callOf(init: Partial<Call> = {}): Call {
  return {
    method: undefined as never,
    protocol: "grpc",
    principal: { project: "default", scopes: allScopes },
    requestId: "request-1",
    signal: new AbortController().signal,
    deadline: Date.now() + 60_000,
    unparsed: new Map(),
    ...init,
  };
}
