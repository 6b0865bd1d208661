/** Events of benchmarks: some 250 bytes, 20,000 users, 5 names, 4 properties, each with an id of its own. */
import { randomUUID } from "node:crypto";
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { EventSchema } from "../../gen/analytics/v1/event_pb.js";

const names = ["page_view", "click", "sign_up", "purchase", "search"];

/** @param number of the event, counted by the caller */
export function newEvent(number: number) {
  return {
    id: randomUUID(),
    userId: `user-${number % 20_000}`,
    sessionId: `session-${number % 50_000}`,
    name: names[number % names.length]!,
    timestamp: { seconds: BigInt(Math.floor(Date.now() / 1000)), nanos: 0 },
    source: "bench",
    properties: { page: `/page/${number % 100}`, plan: "pro", country: "DE", device: "mobile" },
    measures: { duration: number % 1000 },
  } satisfies MessageInitShape<typeof EventSchema>;
}
