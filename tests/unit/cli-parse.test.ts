import { describe, expect, it } from "vitest";
import { type Format, parseLine } from "../../src/cli/send/parse.ts";

const parse = (text: string | Buffer, format: Format = "auto", number = 1) =>
  parseLine({ number, bytes: Buffer.from(text) }, format);

describe("the form of a line", () => {
  it.each([
    ["event", { id: "a", user_id: "u" }],
    [
      "event",
      { id: "a", userId: "u", eventType: "EVENT_TYPE_USER", name: "x", timestamp: "2024-01-01T00:00:00Z" },
    ],
    ["event", { id: "a", user_id: "u", event_type: 1 }],
    ["event", { id: "a", user_id: "u", properties: { page: "/" } }],
    ["flat", { id: "a", user_id: "u", event_type: "page_view" }],
    ["flat", { id: "a", userId: "u", eventType: "page_view" }],
    ["flat", { id: "a", user_id: "u", timestamp: 1640995200 }],
    ["flat", { id: "a", user_id: "u", properties: { duration: 45 } }],
    ["flat", { id: "a", user_id: "u", properties: { nested: { a: null } } }],
  ])("is %s for %j", (kind, json) => {
    expect(parse(JSON.stringify(json)).kind).toBe(kind);
  });

  it("is an event's where a field says so, and what does not fit there is named", () => {
    const parsed = parse('{"user_id":"u","name":"x","properties":{"n":1}}');
    expect(parsed).toMatchObject({ kind: "rejected", reason: "MALFORMED_LINE" });
    expect(parsed).toMatchObject({ message: expect.stringContaining("properties") });
  });

  it("is what the caller says it is", () => {
    expect(parse('{"user_id":"u"}', "flat").kind).toBe("flat");
    expect(parse('{"user_id":"u","event_type":"page_view"}', "event").kind).toBe("rejected");
  });
});

describe("a line that is no event", () => {
  it.each([
    ["{", "not JSON"],
    ["[1]", "not a JSON object"],
    ["null", "not a JSON object"],
    [Buffer.from([0x7b, 0xff, 0x7d]), "not UTF-8"],
    ['{"user_id":"u","usr":1}', "usr"],
    ['{"user_id":7}', "user_id"],
    ['{"user_id":"u","timestamp":"2023-02-29T12:00:00Z"}', 'timestamp: "2023-02-29T12:00:00Z" is a day'],
    ['{"user_id":"u","timestamp":"2023-02-28T24:00:00Z"}', 'timestamp: "2023-02-28T24:00:00Z" has an hour'],
  ])("%s is rejected, with the reason", (text, reason) => {
    expect(parse(text)).toMatchObject({ kind: "rejected", message: expect.stringContaining(reason) });
  });

  it("is rejected for its length", () => {
    expect(parseLine({ number: 3, bytes: undefined }, "auto")).toMatchObject({ reason: "LINE_TOO_LONG" });
  });
});

describe("the id of a line", () => {
  const idOf = (text: string, number = 1) => {
    const parsed = parse(text, "auto", number);
    return parsed.kind === "rejected" ? parsed.message : parsed.event.id;
  };

  it("is its own", () => {
    expect(idOf('{"id":"mine","user_id":"u"}')).toBe("mine");
  });

  it("without one comes of its number and text, the same each time", () => {
    expect(idOf('{"user_id":"u"}')).toMatch(/^line-[0-9a-f]{32}$/);
    expect(idOf('{"user_id":"u"}')).toBe(idOf('{"user_id":"u"}'));
    expect(idOf('{"user_id":"u"}', 2)).not.toBe(idOf('{"user_id":"u"}', 1));
    expect(idOf('{"user_id":"v"}')).not.toBe(idOf('{"user_id":"u"}'));
    expect(idOf('{"user_id":"u","event_type":"x"}')).toMatch(/^line-[0-9a-f]{32}$/);
  });
});
