/** One table of bad requests for every protocol: each is refused as it says, and the server is none the worse for it. */
import { create, type DescMethod } from "@bufbuild/protobuf";
import { afterAll, afterEach, beforeAll, describe, expect, test } from "vitest";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { EventIngestionService, IngestResult } from "../../gen/analytics/v1/ingestion_pb.js";
import type { Failure } from "./failures.ts";
import { type RawRequest, sendRaw } from "./http.ts";
import { type RunningServer, startServer } from "./server.ts";
import { type Wire, wires } from "./wires.ts";

export interface Refusal {
  /** What is wrong. */
  readonly what: string;
  /** The request over a protocol; undefined where the mistake cannot be made over it. */
  readonly request: (wire: Wire) => RawRequest | undefined;
  readonly code: string;
  readonly reason: string;
  /** What the message must say. */
  readonly message?: RegExp;
  /** Fields that the violations name, and by which rule. Default: none. */
  readonly violations?: readonly (readonly [field: string, rule: string])[];
  /** HTTP status where it is not the code's own. */
  readonly status?: (wire: Wire) => number | undefined;
  /** The form of the answer where it is not the request's own. */
  readonly answeredAs?: (wire: Wire) => Wire;
}

/** A request as a client would make it, to be broken. */
export function wellFormed(
  wire: Wire,
  method: DescMethod,
  init: Record<string, unknown>,
): RawRequest | undefined {
  return wire.request(method, create(method.input, init));
}

const statuses: Readonly<Record<string, number>> = {
  InvalidArgument: 400,
  PermissionDenied: 403,
  NotFound: 404,
  Unimplemented: 501,
};

/** Something that is said without a pattern, which says little to people. */
const inWords = expect.stringMatching(/^(?!.*\bregex\b)./);

/** Runs the table over each protocol against a server of its own, then sees that nothing was stored and all is well. */
export function testRefusals(table: readonly Refusal[], over: readonly Wire[] = wires): void {
  let server: RunningServer;
  /** Events that the log holds. */
  let stored = 0;
  beforeAll(async () => {
    server = await startServer();
  });
  afterAll(() => server.stop());
  afterEach(async () => {
    expect((await fetch(`${server.url}/health`)).status).toBe(200);
    expect(await eventsOnLog(server.url)).toBe(stored);
  });

  describe.each(over)("over $name", (wire) => {
    const possible = table.flatMap((refusal) => {
      const request = refusal.request(wire);
      return request === undefined ? [] : [{ ...refusal, request }];
    });
    test.each(possible)(
      "$what",
      async ({ request, code, reason, message, violations, status, answeredAs }) => {
        const requestId = crypto.randomUUID();
        const headers = { ...request.headers, "x-request-id": requestId };
        const answer = await sendRaw(server.url, { ...request, headers });
        const form = answeredAs?.(wire) ?? wire;
        const failure: Failure = form.failure(answer);
        const plain = form.framed ? 200 : statuses[code];
        expect(failure).toEqual({
          status: status?.(wire) ?? plain,
          code,
          reason,
          domain: "weir",
          message: message === undefined ? inWords : expect.stringMatching(message),
          violations: (violations ?? []).map(([field, rule]) => ({
            field,
            rule,
            message: inWords,
          })),
          retryDelayMs: undefined,
          requestId,
        });
      },
    );
  });

  test("after all that a good event is taken over each protocol, and only these are counted", async () => {
    const { ingestEvent } = EventIngestionService.method;
    const { getAnalyticsSummary } = AnalyticsService.method;
    const tokens: string[] = [];
    for (const wire of wires) {
      const event = { id: "good", userId: wire.name, name: "click" };
      const answer = await sendRaw(server.url, wellFormed(wire, ingestEvent, { event })!);
      const sent = wire.message(ingestEvent, answer) as { result?: IngestResult; visibilityToken?: string };
      expect(sent.result, wire.name).toBe(IngestResult.ACCEPTED);
      stored++;
      tokens.push(sent.visibilityToken!);
    }
    for (const wire of wires) {
      const request = wellFormed(wire, getAnalyticsSummary, { minVisibility: tokens })!;
      const summary = wire.message(getAnalyticsSummary, await sendRaw(server.url, request));
      expect(summary, wire.name).toMatchObject({ totalEvents: BigInt(wires.length) });
    }
  });
}

/** Whether or not the store has them yet. */
async function eventsOnLog(url: string): Promise<number> {
  const { partitions } = (await (await fetch(`${url}/v1/consumer/lag`)).json()) as {
    partitions: { end_offset: string }[];
  };
  return partitions.reduce((sum, { end_offset }) => sum + Number(end_offset), 0);
}
