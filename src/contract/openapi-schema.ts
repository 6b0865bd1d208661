/** JSON schemas of the contract's types, as OpenAPI 3.1 takes them, with the static rules that a schema can state. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import { commentOf } from "./comments.ts";
import { limitsOf, requiredFields } from "./openapi-limits.ts";

/** Collects the schemas that references ask for. */
export interface Schemas {
  /** A reference to the message, whose schema is collected. */
  message(desc: DescMessage): JsonObject;
  /** Schema of a message without these fields, itself. */
  rest(desc: DescMessage, without: ReadonlySet<string>): JsonObject;
  field(desc: DescField): JsonObject;
  /** Every schema that was asked for, by full name. */
  all(): JsonObject;
}

const timestamp = { type: "string", format: "date-time" };
const duration = { type: "string", pattern: "^-?[0-9]+(\\.[0-9]{1,9})?s$", examples: ["1.5s"] };

const wellKnown: Record<string, JsonObject> = {
  "google.protobuf.Timestamp": timestamp,
  "google.protobuf.Duration": duration,
  "google.protobuf.FieldMask": { type: "string" },
  "google.protobuf.Struct": { type: "object" },
  "google.protobuf.Value": {},
  "google.protobuf.ListValue": { type: "array" },
  "google.protobuf.Any": { type: "object", required: ["@type"], properties: { "@type": { type: "string" } } },
};

export function createSchemas(): Schemas {
  const found = new Map<string, JsonObject>();

  const message = (desc: DescMessage): JsonObject => {
    const known = wellKnown[desc.typeName];
    if (known !== undefined) return known;
    if (isWrapperDesc(desc)) return scalar(desc.fields[0].scalar);
    if (!found.has(desc.typeName)) {
      // Before its fields, so that a type may hold itself.
      found.set(desc.typeName, {});
      found.set(desc.typeName, messageSchema(desc, field, new Set()));
    }
    return reference(desc.typeName);
  };
  const enumeration = (desc: DescEnum): JsonObject => {
    if (!found.has(desc.typeName)) {
      const values = desc.values.map((value) => `- \`${value.name}\`: ${commentOf(value)}`);
      found.set(desc.typeName, {
        type: "string",
        enum: desc.values.map((value) => value.name),
        description: [commentOf(desc), "", ...values].join("\n"),
      });
    }
    return reference(desc.typeName);
  };
  const single = (desc: DescField): JsonObject => {
    if (desc.message !== undefined) return message(desc.message);
    return desc.enum !== undefined ? enumeration(desc.enum) : scalar(desc.scalar!);
  };
  const field = (desc: DescField): JsonObject => {
    const { own, values, keys } = limitsOf(desc);
    const value = single(desc);
    if (desc.fieldKind === "list") return { type: "array", items: { ...value, ...values }, ...own };
    if (desc.fieldKind === "map") {
      const names = Object.keys(keys).length > 0 ? { propertyNames: keys } : {};
      return { type: "object", additionalProperties: { ...value, ...values }, ...names, ...own };
    }
    return { ...value, ...own };
  };
  return {
    message,
    rest: (desc, without) => messageSchema(desc, field, without),
    field,
    all: () => Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function messageSchema(
  desc: DescMessage,
  fieldSchema: (field: DescField) => JsonObject,
  without: ReadonlySet<string>,
): JsonObject {
  const isStated = ({ name }: DescField) => !without.has(name);
  const properties: Record<string, JsonValue> = {};
  for (const field of desc.fields.filter(isStated))
    properties[field.name] = described(fieldSchema(field), commentOf(field));
  const oneofs = desc.oneofs.map((oneof) => `At most one of ${oneof.fields.map((f) => f.name).join(", ")}.`);
  return {
    type: "object",
    properties,
    ...requirements(requiredFields(desc).filter(isStated)),
    ...described({}, [commentOf(desc), ...oneofs].join(" ").trim()),
  };
}

/**
 * Of a field with two names, such as user_id and userId, either one will do: each alternative is one choice of names, that
 * of the proto names first.
 */
function requirements(fields: readonly DescField[]): JsonObject {
  const [twice, once] = [true, false].map((two) =>
    fields.filter((field) => (field.name !== field.jsonName) === two),
  ) as [DescField[], DescField[]];
  const choices = twice.reduce<string[][]>(
    (made, { name, jsonName }) => [name, jsonName].flatMap((one) => made.map((names) => [...names, one])),
    [[]],
  );
  return {
    ...(once.length > 0 ? { required: once.map(({ name }) => name) } : {}),
    ...(twice.length > 0 ? { anyOf: choices.map((required) => ({ required })) } : {}),
  };
}

/** Of a type of another package nothing is said. */
function described(schema: JsonObject, description: string): JsonObject {
  return description === "" ? schema : { ...schema, description };
}

function reference(name: string): JsonObject {
  return { $ref: `#/components/schemas/${name}` };
}

function scalar(type: ScalarType): JsonObject {
  switch (type) {
    case ScalarType.STRING:
      return { type: "string" };
    case ScalarType.BOOL:
      return { type: "boolean" };
    case ScalarType.BYTES:
      return { type: "string", contentEncoding: "base64" };
    case ScalarType.DOUBLE:
      return { type: "number", format: "double" };
    case ScalarType.FLOAT:
      return { type: "number", format: "float" };
    case ScalarType.INT64:
    case ScalarType.SINT64:
    case ScalarType.SFIXED64:
      return { type: "string", format: "int64" };
    case ScalarType.UINT64:
    case ScalarType.FIXED64:
      return { type: "string", format: "uint64" };
    case ScalarType.UINT32:
    case ScalarType.FIXED32:
      return { type: "integer", format: "int64", minimum: 0, maximum: 0xffff_ffff };
    default:
      return { type: "integer", format: "int32" };
  }
}
