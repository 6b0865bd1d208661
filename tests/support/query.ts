/** AnalyticsService's own methods over a store, without a port: requests as JSON, answers as REST gives them. */
import { randomBytes } from "node:crypto";
import { create, type DescMessage, fromJson, type JsonValue, toJson } from "@bufbuild/protobuf";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { Call } from "../../src/domain/call.ts";
import { allScopes } from "../../src/domain/principal.ts";
import { funnelMethods } from "../../src/query/funnel.ts";
import { overviewMethods } from "../../src/query/overview.ts";
import { createPageTokens } from "../../src/query/page-token.ts";
import { pathMethods } from "../../src/query/paths.ts";
import { retentionMethods } from "../../src/query/retention.ts";
import { seriesMethods } from "../../src/query/series.ts";
import { userMethods } from "../../src/query/user.ts";
import type { EventStore } from "../../src/store/store.ts";
import { createVisibility } from "../../src/visibility/visibility.ts";
import { patiently } from "./store.ts";

const methods = [
  "getAnalyticsSummary",
  "getTimeSeries",
  "getBreakdown",
  "getUserAnalytics",
  "getFunnelAnalysis",
  "getRetention",
  "getPaths",
] as const;
export type AskedMethod = (typeof methods)[number];

/** @throws WeirError as the methods do */
export type AskService = (method: AskedMethod, project: string, request: JsonValue) => Promise<JsonValue>;

export function askService(store: EventStore): AskService {
  const secret = randomBytes(32);
  const applied = { positions: () => store.positions(), onApplied: () => () => {} };
  const visibility = createVisibility({ secret, logId: "log", applied });
  const options = { store, visibility, pageTokens: createPageTokens(secret), now: Date.now };
  const implementation = {
    ...overviewMethods(options),
    ...seriesMethods(options),
    ...userMethods(options),
    ...funnelMethods(options),
    ...retentionMethods(options),
    ...pathMethods(options),
  };
  return async (name, project, request) => {
    const method = AnalyticsService.method[name];
    const call: Call = {
      ...patiently(),
      method,
      protocol: "rest",
      principal: { project, scopes: allScopes },
      requestId: "r",
      unparsed: new Map(),
    };
    const run = implementation[name] as (message: unknown, call: Call) => Promise<object>;
    const answer = await run(fromJson(method.input as DescMessage, request), call);
    const output: DescMessage = method.output;
    return toJson(output, create(output, answer as Record<string, unknown>), {
      alwaysEmitImplicit: true,
      useProtoFieldName: true,
    });
  };
}
