import { randomBytes } from "node:crypto";
import { create } from "@bufbuild/protobuf";
import { afterAll, beforeAll, expect, it } from "vitest";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { Call } from "../../src/domain/call.ts";
import { allScopes } from "../../src/domain/principal.ts";
import { createSlots } from "../../src/domain/slots.ts";
import { exportMethods } from "../../src/query/exports.ts";
import { createVisibility } from "../../src/visibility/visibility.ts";
import { createFeed, patiently, type TemporaryStore, temporaryStore } from "../support/store.ts";

const method = AnalyticsService.method.exportEvents;
let temporary: TemporaryStore;

beforeAll(async () => {
  temporary = await temporaryStore();
  const text = "x".repeat(500);
  const events = Array.from({ length: 5000 }, (_, i) => ({
    event: { id: `e${i}`, userId: "u", properties: { text } },
  }));
  await temporary.store.apply(createFeed().blocks(events).blocks);
});
afterAll(() => temporary.remove());

it("an export that takes long to begin says what it is, and then that it goes on, until its reader leaves", async () => {
  const { store } = temporary;
  const applied = { positions: () => store.positions(), onApplied: () => () => {} };
  const exportSlots = createSlots(1, "places for exports");
  const { exportEvents } = exportMethods({
    store,
    visibility: createVisibility({ secret: randomBytes(32), logId: "log", applied }),
    exportSlots,
    heartbeatMs: 5,
  });
  const caller = new AbortController();
  const call: Call = {
    ...patiently(),
    signal: caller.signal,
    method,
    protocol: "grpc",
    principal: { project: "p", scopes: allScopes },
    requestId: "r",
    unparsed: new Map(),
  };
  const patterns = Array.from({ length: 200 }, (_, i) => `properties.text.matches("(x+|y${i})*z$")`);
  const request = create(method.input, { filter: patterns.join(" || ") });
  const pieces = exportEvents(request, call)[Symbol.asyncIterator]();
  const first = { contentType: "application/x-ndjson", fileName: "events.ndjson" };
  expect(await pieces.next()).toEqual({ done: false, value: first });
  expect(await pieces.next()).toEqual({ done: false, value: {} });
  expect(exportSlots.taken).toBe(1);
  const next = pieces.next();
  caller.abort();
  await expect(next).rejects.toThrow();
  expect(exportSlots.taken).toBe(0);
});
