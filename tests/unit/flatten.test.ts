import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { describe, expect, it } from "vitest";
import {
  EventSchema,
  EventType,
  Severity,
  SystemEventType,
  TransactionStatus,
  TransactionType,
} from "../../gen/analytics/v1/event_pb.js";
import { flattenEvent, type Reception } from "../../src/domain/record/flatten.ts";

function flatten(event: MessageInitShape<typeof EventSchema>, reception: Partial<Reception> = {}) {
  return flattenEvent(create(EventSchema, event), { receivedUs: 7_000_000, ...reception });
}

describe("event type and name", () => {
  const user = { case: "userEvent", value: {} } as const;
  const cases: [string, MessageInitShape<typeof EventSchema>, string, string][] = [
    ["nothing said", {}, "custom", "custom"],
    ["a type alone", { eventType: EventType.USER }, "user", "user"],
    ["a name of its own", { name: "n", payload: { case: "userEvent", value: { action: "a" } } }, "user", "n"],
    ["an action", { payload: { case: "userEvent", value: { action: "a" } } }, "user", "a"],
    ["an empty action", { payload: { case: "userEvent", value: { action: "" } } }, "user", "user"],
    ["a payload that says nothing", { payload: user }, "user", "user"],
    [
      "a purchase",
      { payload: { case: "transactionEvent", value: { type: TransactionType.PURCHASE } } },
      "transaction",
      "purchase",
    ],
    [
      "a transaction of unspecified type",
      { payload: { case: "transactionEvent", value: { type: TransactionType.UNSPECIFIED } } },
      "transaction",
      "transaction",
    ],
    [
      "a warning",
      { payload: { case: "systemEvent", value: { type: SystemEventType.WARNING } } },
      "system",
      "warning",
    ],
    ["a custom name", { payload: { case: "customEvent", value: { name: "c" } } }, "custom", "c"],
    ["another type than the payload's", { eventType: EventType.SYSTEM, payload: user }, "system", "system"],
  ];
  it.each(cases)("%s", (_, event, eventType, name) => {
    expect(flatten(event)).toMatchObject({ eventType, name });
  });
});

describe("payloads", () => {
  it("does not copy the maps of an event without payload", () => {
    const event = create(EventSchema, { properties: { a: "1" }, measures: { b: 2 } });
    const flat = flattenEvent(event, { receivedUs: 0 });
    expect(flat.properties).toBe(event.properties);
    expect(flat.measures).toBe(event.measures);
  });

  it("flattens a user event, its context beside its own fields", () => {
    const flat = flatten({
      payload: {
        case: "userEvent",
        value: {
          action: "view",
          pageUrl: "/a",
          referrer: "",
          userAgent: "UA",
          ipAddress: "::1",
          metadata: { plan: "pro", country: "map" },
          userContext: {
            deviceType: "mobile",
            browser: "b",
            os: "o",
            country: "DE",
            city: "c",
            isNewUser: false,
          },
        },
      },
    });
    expect({ ...flat.properties }).toEqual({
      "user.action": "view",
      "user.page_url": "/a",
      "user.referrer": "",
      "user.user_agent": "UA",
      "user.ip_address": "::1",
      "user.plan": "pro",
      "user.device_type": "mobile",
      "user.browser": "b",
      "user.os": "o",
      "user.country": "DE",
      "user.city": "c",
      "user.is_new_user": "false",
    });
  });

  it("flattens a transaction: enums lower-case, currency upper-case, amount a measure, items left out", () => {
    const flat = flatten({
      payload: {
        case: "transactionEvent",
        value: {
          transactionId: "t",
          type: TransactionType.REFUND,
          amount: 0,
          currency: "eur",
          status: TransactionStatus.COMPLETED,
          paymentMethod: "card",
          items: [{ itemId: "i", price: 3, quantity: 1 }],
          metadata: {
            merchantId: "m",
            storeId: "s",
            campaignId: "c",
            customFields: { store_id: "map", x: "y" },
          },
        },
      },
    });
    expect({ ...flat.properties }).toEqual({
      "transaction.transaction_id": "t",
      "transaction.type": "refund",
      "transaction.currency": "EUR",
      "transaction.status": "completed",
      "transaction.payment_method": "card",
      "transaction.merchant_id": "m",
      "transaction.store_id": "s",
      "transaction.campaign_id": "c",
      "transaction.x": "y",
    });
    expect({ ...flat.measures }).toEqual({ "transaction.amount": 0 });
  });

  it("flattens a system event; what was not sent is absent, a sent 0 is there", () => {
    const flat = flatten({
      payload: {
        case: "systemEvent",
        value: {
          component: "db",
          type: SystemEventType.METRIC,
          severity: Severity.CRITICAL,
          message: "m",
          tags: { rack: "1" },
          metrics: { cpuUsage: 0, activeConnections: 12n },
        },
      },
    });
    expect({ ...flat.properties }).toEqual({
      "system.component": "db",
      "system.type": "metric",
      "system.severity": "critical",
      "system.message": "m",
      "system.rack": "1",
    });
    expect({ ...flat.measures }).toEqual({ "system.cpu_usage": 0, "system.active_connections": 12 });
  });

  it("flattens a custom event; the last metric of a name counts, the explicit measure wins over it", () => {
    const flat = flatten({
      measures: { b: 9 },
      payload: {
        case: "customEvent",
        value: {
          name: "n",
          category: "cat",
          attributes: { k: "v" },
          metrics: [
            { name: "a", value: 1 },
            { name: "a", value: 2 },
            { name: "b", value: 3 },
          ],
        },
      },
    });
    expect({ ...flat.properties }).toEqual({ "custom.name": "n", "custom.category": "cat", "custom.k": "v" });
    expect({ ...flat.measures }).toEqual({ a: 2, b: 9 });
  });

  it("of one name takes the explicit pair, then the scalar field, then the map's entry", () => {
    const value = {
      action: "scalar",
      pageUrl: "scalar",
      metadata: { action: "map", page_url: "map", os: "map" },
    };
    const flat = flatten({
      properties: { "user.action": "explicit" },
      payload: { case: "userEvent", value },
    });
    expect({ ...flat.properties }).toEqual({
      "user.action": "explicit",
      "user.page_url": "scalar",
      "user.os": "map",
    });
  });

  it("leaves enum values that this version does not know out", () => {
    const flat = flatten({ payload: { case: "transactionEvent", value: { type: 99 as TransactionType } } });
    expect(flat.name).toBe("transaction");
    expect({ ...flat.properties }).toEqual({});
  });

  it("keeps a key named __proto__", () => {
    const metrics = [{ name: "__proto__", value: 5 }];
    const flat = flatten({ payload: { case: "customEvent", value: { metrics } } });
    expect(Object.entries(flat.measures)).toEqual([["__proto__", 5]]);
  });
});

describe("times and id", () => {
  it("cuts to microseconds and falls back to the received time", () => {
    expect(flatten({ timestamp: { seconds: 5n, nanos: 123_456_999 } }).timestampUs).toBe(5_123_456);
    expect(flatten({}).timestampUs).toBe(7_000_000);
  });

  it("takes the server's id and timestamp where it set them, and keeps the sender's as client.timestamp", () => {
    const flat = flatten(
      { timestamp: timestampFromMs(1000), properties: { a: "b" } },
      { id: "server", timestampUs: 2_000_000, originalTimestampUs: 1_000_250 },
    );
    expect(flat).toMatchObject({ id: "server", timestampUs: 2_000_000 });
    expect({ ...flat.properties }).toEqual({ a: "b", "client.timestamp": "1970-01-01T00:00:01.000250Z" });
    const exported = create(EventSchema, { properties: { "client.timestamp": "first" } });
    expect(
      flattenEvent(exported, { receivedUs: 0, originalTimestampUs: 0 }).properties["client.timestamp"],
    ).toBe("first");
  });

  it.each([
    [0, "1970-01-01T00:00:00Z"],
    [1_500_000, "1970-01-01T00:00:01.500Z"],
    [-1, "1969-12-31T23:59:59.999999Z"],
  ])("writes %d us as %s", (us, text) => {
    expect(flatten({}, { originalTimestampUs: us }).properties["client.timestamp"]).toBe(text);
  });
});

it("flattens to an event that can be sent again and flattens to the same", () => {
  const sent = flatten({
    id: "i",
    userId: "u",
    payload: { case: "systemEvent", value: { type: SystemEventType.ERROR, tags: { a: "b" } } },
  });
  const again = create(EventSchema, {
    ...sent,
    eventType: EventType.SYSTEM,
    properties: { ...sent.properties },
  });
  expect(toBinary(EventSchema, again).length).toBeGreaterThan(0);
  expect(flattenEvent(again, { receivedUs: 7_000_000 })).toEqual({
    ...sent,
    properties: { ...sent.properties },
  });
});
