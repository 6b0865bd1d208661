/** Events themselves: the list, and one user's. */
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";
import type { Selection } from "../store/questions.ts";
import type { AskOptions } from "../store/store.ts";
import { nameCount, storedEvent, timestampOf } from "./answers.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import { pageSizeOf } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "listEvents" | "getUserAnalytics">;

export function eventMethods({ store, visibility, pageTokens }: QueryOptions): Methods {
  async function page(
    request: { readonly pageSize: number; readonly pageToken: string },
    selection: Selection,
    userId: string | undefined,
    options: AskOptions,
  ) {
    const { project } = selection;
    const question = [selection, userId];
    const after =
      request.pageToken === "" ? undefined : pageTokens.decode(request.pageToken, project, question);
    const size = pageSizeOf(request.pageSize);
    // One more than the page tells whether another follows.
    const { events } = await store.ask(
      {
        kind: "events",
        selection,
        limit: size + 1,
        ...(userId === undefined ? {} : { userId }),
        ...(after ? { after } : {}),
      },
      options,
    );
    const last = events[size - 1];
    return {
      events: events.slice(0, size).map(storedEvent),
      nextPageToken: events.length > size && last ? pageTokens.encode(last, project, question) : "",
    };
  }

  return {
    async listEvents(request, call) {
      return page(request, await select(request, call, visibility), undefined, call);
    },
    async getUserAnalytics(request, call) {
      const selection = await select(request, call, visibility);
      const { userId } = request;
      const list = await page(request, selection, userId, call);
      if (request.pageToken !== "") return list;
      const user = await store.ask({ kind: "user", selection, userId, topLimit: 100 }, call);
      if (user.firstEventUs === undefined || user.lastEventUs === undefined) {
        const message = `user ${JSON.stringify(userId)} has no events in this selection`;
        throw new WeirError("NOT_FOUND", "NOT_FOUND", message);
      }
      return {
        ...list,
        profile: {
          userId,
          firstEventTime: timestampOf(user.firstEventUs),
          lastEventTime: timestampOf(user.lastEventUs),
          totalEvents: BigInt(user.events),
          eventsByName: user.eventsByName.map(({ name, events }) => nameCount({ key: name, events })),
          properties: user.properties,
        },
      };
    },
  };
}
