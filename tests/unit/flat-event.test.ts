import { create } from "@bufbuild/protobuf";
import { describe, expect, test } from "vitest";
import { FlatEventSchema } from "../../gen/analytics/v1/producer_pb.js";
import { fromFlatEvent } from "../../src/ingestion/flat-event.ts";

const flat = (init: object) => fromFlatEvent(create(FlatEventSchema, { userId: "u", ...init }));

describe("a flat event", () => {
  test("becomes properties and measures: text, booleans, numbers, nesting, arrays, null", () => {
    expect(
      flat({
        properties: {
          page: "/a",
          vip: true,
          price: 12.5,
          nested: { deep: { x: "y" } },
          list: [1, "two", null],
          nothing: null,
          empty: {},
        },
      }),
    ).toMatchObject({
      properties: {
        page: "/a",
        vip: "true",
        price: "12.5",
        "nested.deep.x": "y",
        list: '[1,"two",null]',
      },
      measures: { price: 12.5 },
    });
  });

  test("calls its name event_type", () => {
    expect(flat({ eventType: "page_view" })).toMatchObject({ name: "page_view" });
  });

  test.each([
    [1640995200, 1640995200n, 0],
    [1640995200.123457, 1640995200n, 123457000],
    [1640995200.1234567, 1640995200n, 123456000],
    [1640995199.9999998, 1640995199n, 999999000],
    [1640995200.5, 1640995200n, 500000000],
    [99999999999.99998, 99999999999n, 999980000],
    [0.000001, 0n, 1000],
    [9.99e-7, 0n, 0],
    [-0, 0n, 0],
  ])("cuts its Unix seconds %d to microseconds as they are written", (timestamp, seconds, nanos) => {
    expect(flat({ timestamp })).toMatchObject({ timestamp: { seconds, nanos } });
  });

  test("keeps a key named __proto__ as a key", () => {
    const properties = JSON.parse('{"__proto__":"x"}');
    expect(Object.entries((flat({ properties }) as { properties: object }).properties)).toEqual([
      ["__proto__", "x"],
    ]);
  });

  test.each([
    [{ timestamp: 1640995200000 }, "timestamp", /milliseconds: give Unix seconds, such as 1640995200$/],
    [{ timestamp: -1 }, "timestamp", /1970/],
    [{ timestamp: Number.NaN }, "timestamp", /finite/],
    [{ properties: nest(40) }, "properties", /nested deeper than 32/],
  ])("%j is refused at %s", (init, field, message) => {
    expect(flat(init)).toMatchObject({ field, message: expect.stringMatching(message) });
  });
});

function nest(depth: number): object {
  return depth === 0 ? { x: 1 } : { a: nest(depth - 1) };
}
