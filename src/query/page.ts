import type { MessageInitShape } from "@bufbuild/protobuf";
import type { StoredEventSchema } from "../../gen/analytics/v1/analytics_events_pb.js";
import { pageSizeOf } from "../domain/page-size.ts";
import type { Selection } from "../store/questions.ts";
import type { AskOptions } from "../store/store.ts";
import { storedEvent } from "./answers.ts";
import type { QueryOptions } from "./service.ts";

export interface PageRequest {
  readonly pageSize: number;
  readonly pageToken: string;
}

/**
 * A page of events, newest first, of one user or of all.
 *
 * @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN
 */
export async function eventPage(
  { store, pageTokens }: Pick<QueryOptions, "store" | "pageTokens">,
  request: PageRequest,
  selection: Selection,
  userId: string | undefined,
  options: AskOptions,
): Promise<{ events: MessageInitShape<typeof StoredEventSchema>[]; nextPageToken: string }> {
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
