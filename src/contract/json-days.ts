/**
 * Timestamps of JSON whose day no calendar has, such as 2023-02-29, or whose hour no day has, T24: the decoder takes them
 * for a later day. Only fields that are timestamps, or have some within, are looked at.
 */
import type { DescField, DescMessage, JsonValue } from "@bufbuild/protobuf";
import type { FieldViolation } from "../domain/errors.ts";

interface TimedField {
  readonly name: string;
  readonly jsonName: string;
  /** The field's message, where it is no timestamp itself. */
  readonly within?: DescMessage;
}

const timestampType = "google.protobuf.Timestamp";
const timed = new Map<DescMessage, readonly TimedField[]>();
const daysOfMonth = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

/** What a text holds that has such a timestamp, or one that is written with escapes. */
const suspicious = /-02-(?:29|3\d)|-(?:0[469]|11)-31|T24:|\\u/;

/** Of a value's text, which is parsed only where it may hold one; none where it is no JSON. */
export function impossibleDaysOfText(desc: DescMessage, text: string): FieldViolation[] {
  if (!suspicious.test(text) || timedFields(desc).length === 0) return [];
  try {
    return impossibleDays(desc, JSON.parse(text) as JsonValue);
  } catch {
    return [];
  }
}

/** Of a value that decodes; none as a rule. */
export function impossibleDays(desc: DescMessage, json: JsonValue, path = ""): FieldViolation[] {
  if (typeof json !== "object" || json === null || Array.isArray(json)) return [];
  return timedFields(desc).flatMap(({ name, jsonName, within }) => {
    const key = Object.hasOwn(json, name) ? name : jsonName;
    const value = json[key];
    if (value === undefined || value === null) return [];
    const at = path === "" ? key : `${path}.${key}`;
    const check = (one: JsonValue, where: string) =>
      within ? impossibleDays(within, one, where) : checkDay(one, where);
    if (Array.isArray(value)) return value.flatMap((one, i) => check(one, `${at}[${i}]`));
    return check(value, at);
  });
}

function checkDay(value: JsonValue, field: string): FieldViolation[] {
  const problem = impossibleTime(String(value));
  return problem === undefined ? [] : [{ field, ruleId: "json.value", message: problem }];
}

/** Why a timestamp that decodes is none; undefined as a rule. */
export function impossibleTime(text: string): string | undefined {
  const [, year, month, day, hour] = /^(\d{4})-(\d\d)-(\d\d)T(\d\d)/.exec(text) ?? [];
  if (hour === "24")
    return `${JSON.stringify(text)} has an hour that no day has: midnight is T00 of the day after`;
  const leap = new Date(Date.UTC(Number(year), 1, 29)).getUTCDate() === 29;
  const days = month === "02" && !leap ? 28 : daysOfMonth[Number(month) - 1];
  if (days === undefined || Number(day) <= days) return undefined;
  return `${JSON.stringify(text)} is a day that no calendar has`;
}

function timedFields(desc: DescMessage): readonly TimedField[] {
  const known = timed.get(desc);
  if (known) return known;
  // A message within itself finds this while it is being looked at: what it holds elsewhere is found there.
  timed.set(desc, []);
  const found = desc.fields.flatMap((field): TimedField[] => {
    const message = messageOf(field);
    const names = { name: field.name, jsonName: field.jsonName };
    if (message === undefined) return [];
    if (message.typeName === timestampType) return [names];
    return timedFields(message).length > 0 ? [{ ...names, within: message }] : [];
  });
  timed.set(desc, found);
  return found;
}

/** Of a single or repeated field. */
function messageOf(field: DescField): DescMessage | undefined {
  return field.fieldKind === "message" || (field.fieldKind === "list" && field.message)
    ? field.message
    : undefined;
}
