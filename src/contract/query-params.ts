/**
 * Query parameters as the JSON of a request: dots reach nested fields, a repeated parameter is a list, and
 * `labels[key]=value` an entry of a map. Enums stand by name, timestamps and durations as in proto JSON.
 */
import {
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import type { FieldViolation } from "../domain/errors.ts";
import { isObject, refused } from "./json-request.ts";

/** Objects without a prototype, so that no parameter's name means anything but itself. */
type Target = Record<string, JsonValue>;

const textTypes = new Set([
  "google.protobuf.Timestamp",
  "google.protobuf.Duration",
  "google.protobuf.FieldMask",
]);

/**
 * @param taken fields that the body or the path brings, by proto name; a parameter may not name them
 * @param ignored parameters that are none of the request's, such as the browser key
 * @throws WeirError INVALID_ARGUMENT/INVALID_REQUEST that names each parameter which is unknown or does not parse
 */
export function queryToJson(
  desc: DescMessage,
  query: string,
  taken: ReadonlySet<string>,
  ignored: ReadonlySet<string>,
): JsonObject {
  const target = newTarget();
  const violations: FieldViolation[] = [];
  for (const [name, value] of new URLSearchParams(query)) {
    if (ignored.has(name)) continue;
    const problem = assign(desc, target, name, value, taken);
    if (problem !== undefined) violations.push({ field: name, ruleId: "query", message: problem });
  }
  if (violations.length > 0) throw refused(violations);
  return target;
}

/** Sets a field by its path with dots, as a path variable does. @returns what is wrong, if anything is */
export function setByPath(
  desc: DescMessage,
  target: JsonObject,
  path: string,
  value: string,
): string | undefined {
  return assign(desc, target as Target, path, value, new Set());
}

function assign(
  desc: DescMessage,
  target: Target,
  name: string,
  value: string,
  taken: ReadonlySet<string>,
): string | undefined {
  const bracket = name.indexOf("[");
  const keyed = bracket > 0 && name.endsWith("]");
  const path = (keyed ? name.slice(0, bracket) : name).split(".");
  let message = desc;
  let object = target;
  for (const [depth, step] of path.entries()) {
    const field = message.fields.find((candidate) => candidate.name === step || candidate.jsonName === step);
    if (field === undefined) return "is unknown";
    if (depth === 0 && taken.has(field.name)) return "is not taken from the query";
    if (depth === path.length - 1) {
      return keyed
        ? setEntry(field, object, name.slice(bracket + 1, -1), value)
        : setField(field, object, value);
    }
    if (field.fieldKind !== "message") return `${step} has no fields`;
    object[field.name] ??= newTarget();
    const next = object[field.name];
    if (!isObject(next)) return `${step} is given twice`;
    message = field.message;
    object = next as Target;
  }
  return "is unknown";
}

function setField(field: DescField, object: Target, value: string): string | undefined {
  if (field.fieldKind === "map") return `is a map: write ${field.name}[key]=value`;
  const json = toJson(field, value);
  if (json === undefined) return `${JSON.stringify(value)} does not fit`;
  if (json === unfit) return "cannot be a query parameter: send it in a body";
  if (field.fieldKind === "list") {
    object[field.name] ??= [];
    (object[field.name] as JsonValue[]).push(json);
    return undefined;
  }
  if (object[field.name] !== undefined) return "is given twice";
  object[field.name] = json;
  return undefined;
}

function setEntry(field: DescField, object: Target, key: string, value: string): string | undefined {
  if (field.fieldKind !== "map") return "is no map";
  const json = toJson(field, value);
  if (json === undefined) return `${JSON.stringify(value)} does not fit`;
  if (json === unfit) return "cannot be a query parameter: send it in a body";
  object[field.name] ??= newTarget();
  const map = object[field.name] as Target;
  if (map[key] !== undefined) return "is given twice";
  map[key] = json;
  return undefined;
}

const unfit = Symbol("no text form");

/** A value's JSON, undefined where the text is none, `unfit` where the field's type has no text form. */
function toJson(field: DescField, value: string): JsonValue | undefined | typeof unfit {
  if (field.enum !== undefined) return /^-?\d+$/.test(value) ? Number(value) : value;
  if (field.message !== undefined) {
    if (textTypes.has(field.message.typeName)) return value;
    return isWrapperDesc(field.message) ? scalarToJson(field.message.fields[0].scalar, value) : unfit;
  }
  return scalarToJson(field.scalar!, value);
}

/** Numbers stay text, which proto JSON takes for every numeric type, so that no digit is lost. */
function scalarToJson(scalar: ScalarType, value: string): JsonValue | undefined {
  if (scalar !== ScalarType.BOOL) return value;
  return { true: true, false: false }[value];
}

function newTarget(): Target {
  return Object.create(null) as Target;
}
