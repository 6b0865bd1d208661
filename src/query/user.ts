/** One user: profile, sessions, figures and events. */
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import type { UserAnswer, UserSession } from "../store/questions.ts";
import { nameCount } from "./answers.ts";
import { daysOf } from "./buckets.ts";
import { eventPage } from "./page.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import { limitOf, parseZone, sessionGapUs } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getUserAnalytics">;

/** Names that a profile lists. */
const profileNames = 100;

export function userMethods(options: Pick<QueryOptions, "store" | "visibility" | "pageTokens">): Methods {
  return {
    async getUserAnalytics(request, call) {
      const zone = parseZone(request.timeZone);
      const selection = await select(request, call, options.visibility);
      const { userId } = request;
      const list = await eventPage(options, request, selection, userId, call);
      if (request.pageToken !== "") return list;
      const answer = await options.store.ask(
        {
          kind: "user",
          selection,
          userId,
          topLimit: profileNames,
          sessionGapUs: sessionGapUs(request.sessionGap),
          sessionLimit: limitOf(request.limit),
        },
        call,
      );
      const { firstEventUs, lastEventUs } = answer;
      if (firstEventUs === undefined || lastEventUs === undefined) {
        const message = `user ${JSON.stringify(userId)} has no events in this selection`;
        throw new WeirError("NOT_FOUND", "NOT_FOUND", message);
      }
      return {
        ...list,
        profile: {
          userId,
          firstEventTime: timestampOf(firstEventUs),
          lastEventTime: timestampOf(lastEventUs),
          totalEvents: BigInt(answer.events),
          eventsByName: answer.eventsByName.map(({ name, events }) => nameCount({ key: name, events })),
          properties: answer.properties,
        },
        sessions: answer.sessions.map(session),
        metrics: figures(answer, daysOf(zone, firstEventUs, lastEventUs + 1)),
      };
    },
  };
}

function session({ sessionId, startUs, endUs, events }: UserSession) {
  return {
    sessionId,
    startTime: timestampOf(startUs),
    endTime: timestampOf(endUs),
    events: BigInt(events),
    lengthSeconds: (endUs - startUs) / 1e6,
  };
}

/** @param days starts of the calendar days from the user's first to last event */
function figures(answer: UserAnswer, days: readonly number[]) {
  const daysActive = countDays(answer.activityUs, days);
  const revenue: Record<string, number> = {};
  for (const { currency, amount } of answer.revenue) {
    const key = currency.toUpperCase();
    revenue[key] = (revenue[key] ?? 0) + amount;
  }
  return {
    daysActive: BigInt(daysActive),
    sessions: BigInt(answer.totalSessions),
    averageSessionSeconds: answer.sessionLengthUs / 1e6 / answer.totalSessions,
    transactions: BigInt(answer.transactions),
    revenue,
    engagement: daysActive / days.length,
  };
}

/** On how many of the days the times lie, both ascending. */
function countDays(times: readonly number[], days: readonly number[]): number {
  let count = 0;
  let day = -1;
  for (const time of times) {
    if (time < (days[day + 1] ?? Number.POSITIVE_INFINITY)) continue;
    while (time >= (days[day + 1] ?? Number.POSITIVE_INFINITY)) day++;
    count++;
  }
  return count;
}
