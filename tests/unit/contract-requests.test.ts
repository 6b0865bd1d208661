import { create, fromBinary, toBinary } from "@bufbuild/protobuf";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { CreateApiKeyRequestSchema } from "../../gen/analytics/v1/admin_pb.js";
import { GetAnalyticsSummaryRequestSchema } from "../../gen/analytics/v1/analytics_summary_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import {
  EventIngestionService,
  IngestEventRequestSchema,
  IngestEventsRequestSchema,
} from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsServiceGetMetricsRequestSchema } from "../../gen/analytics/v1/metrics_pb.js";
import { jsonViolations, messageFromJson } from "../../src/contract/json-request.ts";
import { queryToJson } from "../../src/contract/query-params.ts";
import { rawMethod } from "../../src/contract/raw.ts";
import { validate } from "../../src/contract/validate.ts";
import { WeirError } from "../../src/domain/errors.ts";

const none: ReadonlySet<string> = new Set();
const query = (text: string, taken = none, ignored = none) =>
  messageFromJson(
    GetAnalyticsSummaryRequestSchema,
    queryToJson(GetAnalyticsSummaryRequestSchema, text, taken, ignored),
  );
const refusedFields = (run: () => unknown): string[] => {
  try {
    run();
  } catch (error) {
    if (error instanceof WeirError) return error.violations.map(({ field }) => field);
    throw error;
  }
  return [];
};

describe("a timestamp", () => {
  const event = (timestamp: string) => ({ events: [{ timestamp: "2024-02-29T00:00:00Z" }, { timestamp }] });
  const taken = (timestamp: string) =>
    refusedFields(() => messageFromJson(IngestEventsRequestSchema, event(timestamp)));

  test.each(["2023-02-29", "1900-02-29", "2024-02-30", "2024-04-31", "2024-11-31"])(
    "of %s, which no calendar has, is refused by name",
    (day) => {
      expect(taken(`${day}T12:00:00Z`)).toEqual(["events[1].timestamp"]);
    },
  );

  test.each(["2023-02-28T24:00:00Z", "2023-02-28T24:00:00.5+01:00"])(
    "of %s, an hour that no day has, is refused by name",
    (time) => {
      expect(taken(time)).toEqual(["events[1].timestamp"]);
    },
  );

  test.each(["2024-02-29", "2000-02-29", "2023-02-28", "2024-12-31", "1970-01-01"])(
    "of %s is taken",
    (day) => {
      expect(taken(`${day}T12:00:00.5+01:00`)).toEqual([]);
    },
  );
});

describe("query parameters", () => {
  test.each([
    ["nope=1", ["nope"]],
    ["filter=a&filter=b", ["filter"]],
    ["time_range=x", ["time_range"]],
    ["time_range.nope=x", ["time_range.nope"]],
    ["filter.nope=x", ["filter.nope"]],
    ["filter[a]=x", ["filter[a]"]],
    ["include_sessions=yes", ["include_sessions"]],
    ["time_range.start=yesterday", ["time_range.start"]],
    ["time_range.start=2023-02-29T00:00:00Z", ["time_range.start"]],
    ["a=1&b=2", ["a", "b"]],
  ])("%s is refused by name", (text, fields) => {
    expect(refusedFields(() => query(text))).toEqual(fields);
  });

  test("may leave names to others", () => {
    expect(refusedFields(() => query("key=a", none, new Set(["key"])))).toEqual([]);
    expect(refusedFields(() => query("filter=a", new Set(["filter"])))).toEqual(["filter"]);
  });

  test("fill maps, whatever their keys are", () => {
    const text = "labels[a.b]=1&labels[__proto__]=2&labels[c[d]]=3&names=x&names=y";
    const request = messageFromJson(
      MetricsServiceGetMetricsRequestSchema,
      queryToJson(MetricsServiceGetMetricsRequestSchema, text, none, none),
    );
    const { labels, names } = request as unknown as { labels: Record<string, string>; names: string[] };
    expect(Object.entries(labels).sort()).toEqual([
      ["__proto__", "2"],
      ["a.b", "1"],
      ["c[d]", "3"],
    ]);
    expect(names).toEqual(["x", "y"]);
  });

  test("carry any text", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary" }), (filter) => {
        const encoded = new URLSearchParams({ filter }).toString();
        // What is no text at all (a lone surrogate) has no form in a query either.
        expect(query(encoded)).toMatchObject({ filter: filter.toWellFormed() });
      }),
    );
  });
});

describe("JSON that does not parse", () => {
  test.each([
    ['{"event":{"nope":1}}', ["event.nope"]],
    ['{"event":{"user_id":1,"properties":{"a":1,"b":"x"}}}', ["event.user_id", 'event.properties["a"]']],
    ['{"event":{"event_type":"NOPE","timestamp":"now"}}', ["event.event_type", "event.timestamp"]],
    ['{"event":[]}', ["event"]],
    [
      '{"event":{"transaction_event":{"items":[{},{"price":"x"}]}}}',
      ["event.transaction_event.items[1].price"],
    ],
    ['{"event":{},"Event":{}}', ["Event"]],
    ["5", [""]],
  ])("%s is explained by %j", (text, fields) => {
    const violations = jsonViolations(IngestEventRequestSchema, JSON.parse(text));
    expect(violations.map(({ field }) => field)).toEqual(fields);
  });

  test("of both names of one field, and of two payloads, names where that is", () => {
    for (const text of ['{"user_id":"a","userId":"b"}', '{"user_event":{},"system_event":{}}']) {
      expect(jsonViolations(EventSchema, JSON.parse(text))).toHaveLength(1);
    }
  });

  test("is explained whenever it is refused, and only then", () => {
    fc.assert(
      fc.property(
        fc.json({ maxDepth: 3 }),
        fc.constantFrom("event", "events", "options", "x"),
        (value, key) => {
          const json = JSON.parse(`{"${key}":${value}}`);
          for (const desc of [IngestEventRequestSchema, IngestEventsRequestSchema]) {
            const found = jsonViolations(desc, json);
            expect(refusedFields(() => messageFromJson(desc, json)).length > 0).toBe(found.length > 0);
          }
        },
      ),
    );
  });

  test("names no more than a hundred of its mistakes", () => {
    const events = Array.from({ length: 1000 }, () => ({ nope: 1 }));
    expect(jsonViolations(IngestEventsRequestSchema, { events })).toHaveLength(100);
  });
});

describe("raw requests", () => {
  const { health, ingestEvent, ingestEvents, streamEvents } = EventIngestionService.method;
  const event = create(EventSchema, { id: "e", userId: "u", properties: { a: "b" } });

  test("keep events as the bytes that came, whatever they are, and the rest as it is", () => {
    const raw = rawMethod(ingestEvents)!;
    fc.assert(
      fc.property(
        fc.array(fc.uint8Array({ maxLength: 50 }), { minLength: 1 }),
        fc.boolean(),
        (events, validateOnly) => {
          const bytes = toBinary(
            raw.input,
            create(raw.input, { events, options: { validateOnly } } as never),
          );
          const decoded = fromBinary(raw.input, bytes) as unknown as {
            events: Uint8Array[];
            options: unknown;
          };
          expect(decoded.events.map((one) => [...one])).toEqual(events.map((one) => [...one]));
          expect(decoded.options).toMatchObject({ validateOnly });
        },
      ),
    );
  });

  test("are the same on the wire as the contract's", () => {
    const bytes = toBinary(ingestEvent.input, create(ingestEvent.input, { event }));
    expect(fromBinary(rawMethod(ingestEvent)!.input, bytes)).toMatchObject({
      event: toBinary(EventSchema, event),
    });
  });

  test("keep events within a message of theirs, too", () => {
    const request = create(streamEvents.input, {
      message: { case: "batch", value: { sequence: 7n, events: [event, event] } },
    });
    const bytes = toBinary(streamEvents.input, request);
    const own = toBinary(EventSchema, event);
    expect(fromBinary(rawMethod(streamEvents)!.input, bytes)).toMatchObject({
      message: { case: "batch", value: { sequence: 7n, events: [own, own] } },
    });
  });

  test("obey the rules of the other fields", () => {
    const { input } = rawMethod(ingestEvents)!;
    expect(validate(input, create(input, { events: [new Uint8Array([255])] } as never))).toEqual([]);
    const broken = create(input, { options: { durability: 99, timeout: { seconds: 601n } } } as never);
    expect(validate(input, broken).map(({ field }) => field)).toEqual([
      "events",
      "options.durability",
      "options.timeout",
    ]);
  });

  test("are made only where the contract says so", () => {
    expect(rawMethod(health)).toBeUndefined();
    expect(rawMethod(ingestEvent)?.output).toBe(ingestEvent.output);
  });
});

test("a name that is no value of an enum is answered with those that the field's rules allow", () => {
  expect(jsonViolations(CreateApiKeyRequestSchema, { name: "n", scopes: ["SCOPE_ROOT"] })).toEqual([
    {
      field: "scopes[0]",
      ruleId: "json.value",
      message: '"SCOPE_ROOT" is none of SCOPE_INGEST, SCOPE_QUERY, SCOPE_ADMIN, SCOPE_PLATFORM',
    },
  ]);
});
