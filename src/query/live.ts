/** What happens now: from the hub's updates to the messages of the two streams. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { Duration } from "@bufbuild/protobuf/wkt";
import type {
  GetRealTimeAnalyticsResponseSchema,
  LiveGapSchema,
  TailEventsResponseSchema,
} from "../../gen/analytics/v1/analytics_live_pb.js";
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { sharerOf } from "../domain/principal.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import type { Filter } from "../filter/filter.ts";
import { parseFilter } from "../filter/parse.ts";
import type { LiveHub, Span } from "../live/live.ts";
import { nameCount, storedEvent } from "./answers.ts";
import type { LiveCursors } from "./live-cursor.ts";
import { limitOf } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getRealTimeAnalytics" | "tailEvents">;

export interface LiveOptions {
  readonly live: LiveHub;
  readonly cursors: LiveCursors;
}

const defaultWindowMs = 60_000;
const defaultIntervalMs = 250;

export function liveMethods({ live, cursors }: LiveOptions): Methods {
  return {
    async *getRealTimeAnalytics(request, { principal, signal }) {
      const { project } = principal;
      const windowMs = millisecondsOf(request.window) ?? defaultWindowMs;
      const intervalMs = millisecondsOf(request.interval) ?? defaultIntervalMs;
      const limit = limitOf(request.limit);
      const asked = ["window", request.filter, windowMs];
      const after = request.cursor === "" ? undefined : cursors.decode(request.cursor, project, asked);
      const question = { project, ...filterOf(request.filter), windowMs, intervalMs, limit };
      const options = { signal, sharer: sharerOf(principal), ...(after ? { after } : {}) };
      for await (const update of live.windows(question, options)) {
        if (update === "heartbeat") {
          yield {};
          continue;
        }
        const { figures, complete, topEvents, gap, place } = update;
        const message: MessageInitShape<typeof GetRealTimeAnalyticsResponseSchema> = {
          window: {
            startTime: timestampOf(figures.startMs * 1000),
            endTime: timestampOf(figures.endMs * 1000),
            events: BigInt(figures.events),
            eventsPerSecond: (figures.events * 1000) / (figures.endMs - figures.startMs),
            activeUsers: BigInt(figures.activeUsers),
            activeUsersAtLeast: figures.activeUsersAtLeast,
            duplicatesPossible: figures.duplicatesPossible,
            complete,
            topEvents: topEvents.map(({ name, events }) => nameCount({ key: name, events })),
            topEventsAtLeast: figures.topEventsAtLeast,
          },
          ...(gap ? { gap: gapOf(gap) } : {}),
          cursor: cursors.encode(place, project, asked),
        };
        yield message;
      }
    },
    async *tailEvents(request, { principal, signal }) {
      const { project } = principal;
      const asked = ["tail", request.filter];
      const after = request.cursor === "" ? undefined : cursors.decode(request.cursor, project, asked);
      const question = { project, ...filterOf(request.filter) };
      const options = { signal, sharer: sharerOf(principal), ...(after ? { after } : {}) };
      for await (const update of live.tail(question, options)) {
        if (update === "heartbeat") {
          yield {};
          continue;
        }
        const { events, skipped, gap, place } = update;
        const message: MessageInitShape<typeof TailEventsResponseSchema> = {
          events: events.map(storedEvent),
          skipped: BigInt(skipped),
          ...(gap ? { gap: gapOf(gap) } : {}),
          cursor: cursors.encode(place, project, asked),
        };
        yield message;
      }
    },
  };
}

/** @throws WeirError INVALID_ARGUMENT/INVALID_FILTER */
function filterOf(text: string): { filter?: Filter } {
  return text.trim() === "" ? {} : { filter: parseFilter(text) };
}

function gapOf({ startMs, endMs }: Span): MessageInitShape<typeof LiveGapSchema> {
  return { startTime: timestampOf(startMs * 1000), endTime: timestampOf(endMs * 1000) };
}

function millisecondsOf(duration: Duration | undefined): number | undefined {
  return duration && Number(duration.seconds) * 1000 + Math.ceil(duration.nanos / 1e6);
}
