/** The list of events. */
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { eventPage } from "./page.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "listEvents">;

export function eventMethods(options: QueryOptions): Methods {
  return {
    async listEvents(request, call) {
      const selection = await select(request, call, options.visibility);
      return eventPage(options, request, selection, undefined, call);
    },
  };
}
