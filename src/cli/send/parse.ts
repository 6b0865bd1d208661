import { hash } from "node:crypto";
import { fromJson, type JsonObject, type JsonValue } from "@bufbuild/protobuf";
import { type Event, EventSchema, type FlatEvent, FlatEventSchema } from "../../../client/node/index.ts";
import { impossibleDays } from "../../contract/json-days.ts";
import type { Line } from "./lines.ts";

export const formats = ["auto", "event", "flat"] as const;
export type Format = (typeof formats)[number];

/** What a line is: an event of either form, or why it is none. */
export type Parsed =
  | { readonly kind: "event"; readonly event: Event }
  | { readonly kind: "flat"; readonly event: FlatEvent }
  | { readonly kind: "rejected"; readonly reason: string; readonly message: string };

/** Fields that only Event has. */
const eventFields = [
  ["name"],
  ["measures"],
  ["user_event", "userEvent"],
  ["transaction_event", "transactionEvent"],
  ["system_event", "systemEvent"],
  ["custom_event", "customEvent"],
].flat();

const utf8 = new TextDecoder("utf-8", { fatal: true });

/**
 * Reads one line. A line without an id gets one from a hash of its number and its text, so that sending the same lines
 * again adds nothing.
 */
export function parseLine({ number, bytes }: Line, format: Format): Parsed {
  if (bytes === undefined) return rejected("LINE_TOO_LONG", "the line is too long");
  let text: string;
  try {
    text = utf8.decode(bytes);
  } catch {
    return rejected("MALFORMED_LINE", "the line is not UTF-8");
  }
  let json: JsonValue;
  try {
    json = JSON.parse(text);
  } catch (error) {
    return rejected("MALFORMED_LINE", `the line is not JSON: ${(error as Error).message}`);
  }
  if (!isObject(json)) return rejected("MALFORMED_LINE", "the line is not a JSON object");
  const kind = format === "auto" ? (looksFlat(json) ? "flat" : "event") : format;
  try {
    const event = kind === "flat" ? fromJson(FlatEventSchema, json) : fromJson(EventSchema, json);
    const [wrongDay] = kind === "flat" ? [] : impossibleDays(EventSchema, json);
    if (wrongDay)
      return rejected("MALFORMED_LINE", `the line is no event: ${wrongDay.field}: ${wrongDay.message}`);
    if (event.id === "") event.id = `line-${hash("sha256", `${number}\n${text}`).slice(0, 32)}`;
    return { kind, event } as Parsed;
  } catch (error) {
    const message = (error as Error).message.replace(
      /^cannot decode (message )?analytics\.v1\.\w+ from JSON: /,
      "",
    );
    return rejected(
      "MALFORMED_LINE",
      `the line is no ${kind === "flat" ? "flat event" : "event"}: ${message}`,
    );
  }
}

/**
 * Whether a line is a flat event: it has none of the fields that only Event has, and its event_type is free text (not
 * EVENT_TYPE_…), its timestamp a number, or one of its properties something other than text.
 */
export function looksFlat(json: JsonObject): boolean {
  if (eventFields.some((field) => field in json)) return false;
  const type = json.event_type ?? json.eventType;
  if (typeof type === "string" && !type.startsWith("EVENT_TYPE_")) return true;
  if (typeof json.timestamp === "number") return true;
  const properties = json.properties;
  return isObject(properties) && Object.values(properties).some((value) => typeof value !== "string");
}

function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}

function rejected(reason: string, message: string): Parsed {
  return { kind: "rejected", reason, message };
}
