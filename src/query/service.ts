import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  AnalyticsService,
  type AnalyticsServiceGetMetricsResponseSchema,
} from "../../gen/analytics/v1/analytics_pb.js";
import { bindService, type ServiceBinding } from "../domain/call.ts";
import { healthAnswer, type StageHealth } from "../domain/health.ts";
import type { EventStore } from "../store/store.ts";
import type { Visibility } from "../visibility/visibility.ts";
import { eventMethods } from "./events.ts";
import { type ExportOptions, exportMethods } from "./exports.ts";
import { funnelMethods } from "./funnel.ts";
import { type LiveOptions, liveMethods } from "./live.ts";
import { overviewMethods } from "./overview.ts";
import type { PageTokens } from "./page-token.ts";
import { pathMethods } from "./paths.ts";
import { retentionMethods } from "./retention.ts";
import { seriesMethods } from "./series.ts";
import { userMethods } from "./user.ts";

export interface QueryOptions extends LiveOptions, ExportOptions {
  readonly store: EventStore;
  readonly visibility: Visibility;
  readonly pageTokens: PageTokens;
  readonly health: () => readonly StageHealth[];
  /**
   * Throws where nothing of the store may be answered now. Default: it never does.
   *
   * @throws WeirError UNAVAILABLE
   */
  readonly refuse?: () => void;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  /** The platform's own figures. */
  readonly platform: () => Promise<MessageInitShape<typeof AnalyticsServiceGetMetricsResponseSchema>>;
}

/** AnalyticsService: from request to question to response. */
export function createAnalyticsService(options: QueryOptions): ServiceBinding {
  const ofStore = {
    ...overviewMethods(options),
    ...seriesMethods(options),
    ...eventMethods(options),
    ...exportMethods(options),
    ...userMethods(options),
    ...funnelMethods(options),
    ...retentionMethods(options),
    ...pathMethods(options),
  };
  return bindService(AnalyticsService, {
    ...(options.refuse ? refusing(ofStore, options.refuse) : ofStore),
    ...liveMethods(options),
    getMetrics: options.platform,
    async getAnalyticsHealth() {
      return healthAnswer(options.health());
    },
  });
}

/** The methods, each of which calls `refuse` first. */
function refusing<M extends object>(methods: M, refuse: () => void): M {
  const call =
    (method: (...given: unknown[]) => unknown) =>
    (...given: unknown[]) => {
      refuse();
      return method(...given);
    };
  return Object.fromEntries(Object.entries(methods).map(([name, method]) => [name, call(method)])) as M;
}
