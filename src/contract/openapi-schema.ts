/** JSON schemas of the contract's types, as OpenAPI 3.1 takes them, with the static rules that a schema can state. */
import {
  type DescEnum,
  type DescField,
  type DescMessage,
  getOption,
  hasOption,
  type JsonObject,
  type JsonValue,
  ScalarType,
} from "@bufbuild/protobuf";
import { isWrapperDesc } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldRules,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";
import { commentOf } from "./comments.ts";

/** Collects the schemas that references ask for. */
export interface Schemas {
  /** A reference to the message, whose schema is collected. */
  message(desc: DescMessage): JsonObject;
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
      found.set(desc.typeName, messageSchema(desc, field));
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
    const rules = hasOption(desc, fieldRules) ? getOption(desc, fieldRules) : undefined;
    if (desc.fieldKind === "list") return { type: "array", items: single(desc), ...listRules(rules) };
    if (desc.fieldKind === "map") {
      return { type: "object", additionalProperties: single(desc), ...mapRules(rules) };
    }
    return { ...single(desc), ...scalarRules(rules) };
  };
  return {
    message,
    field,
    all: () => Object.fromEntries([...found].sort(([a], [b]) => (a < b ? -1 : 1))),
  };
}

function messageSchema(desc: DescMessage, fieldSchema: (field: DescField) => JsonObject): JsonObject {
  const properties: Record<string, JsonValue> = {};
  for (const field of desc.fields) properties[field.name] = described(fieldSchema(field), commentOf(field));
  const required = desc.fields.filter(
    (field) => hasOption(field, fieldRules) && getOption(field, fieldRules).required,
  );
  const oneofs = desc.oneofs.map((oneof) => `At most one of ${oneof.fields.map((f) => f.name).join(", ")}.`);
  return {
    type: "object",
    properties,
    ...(required.length > 0 ? { required: required.map((field) => field.name) } : {}),
    ...described({}, [commentOf(desc), ...oneofs].join(" ").trim()),
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

function scalarRules(rules: FieldRules | undefined): JsonObject {
  const { case: kind, value } = rules?.type ?? { case: undefined };
  if (kind === "string") {
    const { minLen, maxLen, len, pattern } = value;
    return compact({
      minLength: Number(len || minLen) || undefined,
      maxLength: Number(len || maxLen) || undefined,
      pattern: pattern || undefined,
    });
  }
  if (kind === "double" || kind === "float" || kind === "int32" || kind === "uint32") {
    const { greaterThan, lessThan } = value;
    return compact({
      minimum: greaterThan.case === "gte" ? greaterThan.value : undefined,
      exclusiveMinimum: greaterThan.case === "gt" ? greaterThan.value : undefined,
      maximum: lessThan.case === "lte" ? lessThan.value : undefined,
      exclusiveMaximum: lessThan.case === "lt" ? lessThan.value : undefined,
    });
  }
  return {};
}

function listRules(rules: FieldRules | undefined): JsonObject {
  if (rules?.type.case !== "repeated") return {};
  const { minItems, maxItems, unique } = rules.type.value;
  return compact({
    minItems: Number(minItems) || undefined,
    maxItems: Number(maxItems) || undefined,
    uniqueItems: unique || undefined,
  });
}

function mapRules(rules: FieldRules | undefined): JsonObject {
  if (rules?.type.case !== "map") return {};
  const { minPairs, maxPairs } = rules.type.value;
  return compact({
    minProperties: Number(minPairs) || undefined,
    maxProperties: Number(maxPairs) || undefined,
  });
}

function compact(schema: Record<string, JsonValue | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter((entry) => entry[1] !== undefined)) as JsonObject;
}
