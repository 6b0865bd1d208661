/** Summary and dimensions: the whole at a glance. */
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import { nameCount } from "./answers.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import { limitOf, sessionGapUs } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getAnalyticsSummary" | "listDimensions">;

export function overviewMethods({ store, visibility }: Pick<QueryOptions, "store" | "visibility">): Methods {
  return {
    async getAnalyticsSummary(request, call) {
      const selection = await select(request, call, visibility);
      const sessions = request.includeSessions ? { sessionGapUs: sessionGapUs(request.sessionGap) } : {};
      const question = { kind: "summary", selection, topLimit: limitOf(request.limit), ...sessions } as const;
      const answer = await store.ask(question, call);
      return {
        totalEvents: BigInt(answer.totalEvents),
        uniqueUsers: BigInt(answer.uniqueUsers),
        ...(answer.sessions === undefined ? {} : { sessions: BigInt(answer.sessions) }),
        eventsByType: Object.fromEntries(
          Object.entries(answer.eventsByType).map(([type, events]) => [type, BigInt(events)]),
        ),
        topEvents: answer.topEvents.map(({ name, events, users, eventsBefore }) => ({
          name,
          events: BigInt(events),
          users: BigInt(users),
          ...(eventsBefore ? { change: (events - eventsBefore) / eventsBefore } : {}),
        })),
        ...(answer.firstEventUs === undefined ? {} : { firstEventTime: timestampOf(answer.firstEventUs) }),
        ...(answer.lastEventUs === undefined ? {} : { lastEventTime: timestampOf(answer.lastEventUs) }),
      };
    },
    async listDimensions(request, call) {
      const selection = await select(request, call, visibility);
      const answer = await store.ask({ kind: "dimensions", selection, limit: limitOf(request.limit) }, call);
      return {
        names: answer.names.map(nameCount),
        properties: answer.properties.map(nameCount),
        measures: answer.measures.map(nameCount),
      };
    },
  };
}
