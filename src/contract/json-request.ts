/**
 * Requests from JSON, by proto names or lowerCamelCase, refusing what is unknown. What does not parse is explained by
 * the path of each field that is wrong, which the decoder itself does not say; the search runs only then.
 */
import {
  type DescField,
  type DescMessage,
  fromJson,
  type JsonObject,
  type JsonValue,
  type Message,
} from "@bufbuild/protobuf";
import { type FieldViolation, WeirError } from "../domain/errors.ts";
import { impossibleDays } from "./json-days.ts";
import { limitsOf } from "./openapi-limits.ts";
import { contractRegistry } from "./registry.ts";

/** Of a request with more mistakes, that many are named. */
const maxViolations = 100;

const options = { registry: contractRegistry };

/** @throws WeirError INVALID_ARGUMENT/INVALID_REQUEST with a violation for each field that does not parse */
export function messageFromJson(desc: DescMessage, json: JsonValue): Message {
  let message: Message;
  try {
    message = fromJson(desc, json, options);
  } catch (cause) {
    throw refused(jsonViolations(desc, json), cause);
  }
  const wrongDays = impossibleDays(desc, json);
  if (wrongDays.length > 0) throw refused(wrongDays);
  return message;
}

/** The same for one element of a list, which answers for itself; its violations' paths begin at the element. */
export function elementFromJson(desc: DescMessage, json: JsonValue): Message | FieldViolation {
  try {
    const message = fromJson(desc, json, options);
    return impossibleDays(desc, json)[0] ?? message;
  } catch {
    return jsonViolations(desc, json)[0]!;
  }
}

/** An INVALID_ARGUMENT about the request's fields; the message tells the first. */
export function refused(violations: readonly FieldViolation[], cause?: unknown): WeirError {
  const [first] = violations;
  const more = violations.length > 1 ? ` (and ${violations.length - 1} more)` : "";
  const message = first === undefined ? "the request is invalid" : `${describe(first)}${more}`;
  return new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", message, {
    violations,
    ...(cause === undefined ? {} : { cause }),
  });
}

function describe(violation: FieldViolation): string {
  return violation.field === "" ? violation.message : `${violation.field}: ${violation.message}`;
}

/** Every field of a JSON value that keeps it from being a message; at least one where it does not parse. */
export function jsonViolations(desc: DescMessage, json: JsonValue): FieldViolation[] {
  const found: FieldViolation[] = [];
  explainMessage(desc, json, "", found);
  return found.length > 0 ? found : impossibleDays(desc, json);
}

function explainMessage(desc: DescMessage, json: JsonValue, path: string, found: FieldViolation[]): void {
  const before = found.length;
  if (!hasOwnJson(desc)) {
    if (!isObject(json)) {
      found.push({ field: path, ruleId: "json.type", message: "must be a JSON object" });
      return;
    }
    for (const [key, value] of Object.entries(json)) {
      if (found.length >= maxViolations) return;
      const field = desc.fields.find((candidate) => candidate.name === key || candidate.jsonName === key);
      const at = path === "" ? key : `${path}.${key}`;
      if (field === undefined) {
        found.push({ field: at, ruleId: "json.unknown_field", message: "is unknown" });
      } else if (value !== null) {
        explainField(field, value, at, found);
      }
    }
  }
  if (found.length > before) return;
  const form = forms[desc.typeName];
  probe(desc, json, path, found, form === undefined ? undefined : `${shown(json)} is no ${form}`);
}

function explainField(field: DescField, value: JsonValue, path: string, found: FieldViolation[]): void {
  const message = field.fieldKind === "enum" || field.fieldKind === "scalar" ? undefined : field.message;
  const each = (element: JsonValue, at: string, wrap: (element: JsonValue) => JsonValue) => {
    if (found.length >= maxViolations) return;
    if (message !== undefined) explainMessage(message, element, at, found);
    else probe(field.parent, { [field.name]: wrap(element) }, at, found, noneOf(field, element));
  };
  if (field.fieldKind === "list") {
    if (!Array.isArray(value)) {
      found.push({ field: path, ruleId: "json.type", message: "must be a JSON array" });
      return;
    }
    value.forEach((element, i) => {
      each(element, `${path}[${i}]`, (one) => [one]);
    });
  } else if (field.fieldKind === "map") {
    if (!isObject(value)) {
      found.push({ field: path, ruleId: "json.type", message: "must be a JSON object" });
      return;
    }
    for (const [key, entry] of Object.entries(value)) {
      each(entry, `${path}[${JSON.stringify(key)}]`, (one) => ({ [key]: one }));
    }
  } else {
    each(value, path, (one) => one);
  }
}

/** Lets the decoder say what is wrong, if anything is; `better` says it where the decoder only repeats the value. */
function probe(
  desc: DescMessage,
  json: JsonValue,
  path: string,
  found: FieldViolation[],
  better: string | undefined,
): void {
  try {
    fromJson(desc, json, options);
  } catch (error) {
    const text = error instanceof Error ? error.message : String(error);
    const said = text
      .replace(/^cannot decode .*? from JSON: /, "")
      .replace(/^map entry "(?:[^"\\]|\\.)*": /, "");
    found.push({ field: path, ruleId: "json.value", message: better ?? `does not parse: ${said}` });
  }
}

/** What types look like whose JSON is text. */
const forms: Readonly<Record<string, string>> = {
  "google.protobuf.Timestamp": "time such as 2024-01-01T12:00:00Z",
  "google.protobuf.Duration": "duration such as 1.5s",
};

/** Names the values that the field's own rules allow. */
function noneOf(field: DescField, value: JsonValue): string | undefined {
  if (field.enum === undefined) return undefined;
  const { own, values } = limitsOf(field);
  const allowed = own.enum ?? values.enum;
  const names = Array.isArray(allowed) ? allowed : field.enum.values.map(({ name }) => name);
  return `${shown(value)} is none of ${names.join(", ")}`;
}

/** A value as it may stand in a message. */
function shown(value: JsonValue): string {
  const text = JSON.stringify(value);
  return text.length <= 100 ? text : `${text.slice(0, 100)}…`;
}

/** Whether the type's JSON is not an object of its fields: Timestamp, Duration, Struct, Any and their kin. */
function hasOwnJson(desc: DescMessage): boolean {
  return desc.typeName.startsWith("google.protobuf.");
}

export function isObject(json: JsonValue | undefined): json is JsonObject {
  return typeof json === "object" && json !== null && !Array.isArray(json);
}
