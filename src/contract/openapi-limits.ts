/** What the contract's static rules say of a field, as far as a JSON schema can state it. */
import type { DescEnum, DescField, DescMessage, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { getOption, hasOption } from "@bufbuild/protobuf";
import { FeatureSet_FieldPresence } from "@bufbuild/protobuf/wkt";
import {
  type FieldRules,
  field as fieldRules,
  Ignore,
} from "@bufbuild/protovalidate/gen/buf/validate/validate_pb.js";

/** Limits of a field's values. Of a list or a map those of its elements and keys stand in `values` and `keys`. */
export interface Limits {
  readonly own: JsonObject;
  readonly values: JsonObject;
  readonly keys: JsonObject;
}

const none: Limits = { own: {}, values: {}, keys: {} };

export function limitsOf(field: DescField): Limits {
  const rules = hasOption(field, fieldRules) ? getOption(field, fieldRules) : undefined;
  if (rules === undefined || rules.ignore !== Ignore.UNSPECIFIED) return none;
  const { case: kind, value } = rules.type;
  if (kind === "repeated") {
    const own = compact({
      minItems: positive(value.minItems),
      maxItems: positive(value.maxItems),
      uniqueItems: value.unique || undefined,
    });
    return { ...none, own, values: single(value.items, field.enum) };
  }
  if (kind === "map") {
    const own = compact({
      minProperties: positive(value.minPairs),
      maxProperties: positive(value.maxPairs),
    });
    return { own, values: single(value.values, field.enum), keys: single(value.keys) };
  }
  return { ...none, own: single(rules, field.enum) };
}

/** Fields whose own rules refuse their absence, whatever stands in the others. */
export function requiredFields({ fields }: DescMessage): DescField[] {
  return fields.filter((field) => {
    if (!hasOption(field, fieldRules)) return false;
    const rules = getOption(field, fieldRules);
    if (rules.ignore !== Ignore.UNSPECIFIED) return false;
    return rules.required || (hasNoPresence(field) && refusesDefault(limitsOf(field).own, field));
  });
}

/** Whether the field's default value, which is what an absent field without presence has, is against the limits. */
function refusesDefault(limits: JsonObject, { enum: enumeration }: DescField): boolean {
  const {
    minLength,
    pattern,
    minItems,
    minProperties,
    minimum,
    exclusiveMinimum,
    maximum,
    exclusiveMaximum,
  } = limits;
  if (minLength !== undefined || minItems !== undefined || minProperties !== undefined) return true;
  if (typeof pattern === "string" && !new RegExp(pattern, "u").test("")) return true;
  if (Array.isArray(limits.enum)) return !limits.enum.includes(enumeration?.values[0]?.name ?? "");
  if (Number(minimum ?? 0) > 0 || Number(maximum ?? 0) < 0) return true;
  return Number(exclusiveMinimum ?? -1) >= 0 || Number(exclusiveMaximum ?? 1) <= 0;
}

/** Whether an absent field is the same as one with its default value. */
function hasNoPresence({ presence }: DescField): boolean {
  return presence === FeatureSet_FieldPresence.IMPLICIT;
}

function single(rules: FieldRules | undefined, enumeration?: DescEnum): JsonObject {
  if (rules === undefined || rules.ignore !== Ignore.UNSPECIFIED) return {};
  const { case: kind, value } = rules.type;
  switch (kind) {
    case "string": {
      const { minLen, maxLen, maxBytes, len, pattern } = value;
      return compact({
        minLength: positive(len || minLen),
        // A character has at least one byte.
        maxLength: positive(len || maxLen || maxBytes),
        pattern: pattern || undefined,
        enum: value.in.length > 0 ? value.in : undefined,
      });
    }
    case "enum": {
      const names = enumeration?.values.filter(({ number }) => value.in.includes(number));
      return compact({ enum: value.in.length > 0 ? names?.map(({ name }) => name) : undefined });
    }
    case "double":
    case "float":
    case "int32":
    case "uint32": {
      const { greaterThan, lessThan } = value;
      return compact({
        minimum: greaterThan.case === "gte" ? greaterThan.value : undefined,
        exclusiveMinimum: greaterThan.case === "gt" ? greaterThan.value : undefined,
        maximum: lessThan.case === "lte" ? lessThan.value : undefined,
        exclusiveMaximum: lessThan.case === "lt" ? lessThan.value : undefined,
      });
    }
    default:
      return {};
  }
}

function positive(limit: bigint | undefined): number | undefined {
  return Number(limit) || undefined;
}

function compact(schema: Record<string, JsonValue | undefined>): JsonObject {
  return Object.fromEntries(Object.entries(schema).filter((entry) => entry[1] !== undefined)) as JsonObject;
}
