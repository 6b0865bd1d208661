/** Whether an answer is one that an OpenAPI document declares: its status, its content type, and every field of its body. */
import type { RawAnswer } from "./http.ts";
import type { OpenApi, Operation, Schema } from "./openapi-requests.ts";

/** What the document does not declare of the answer; empty: nothing. */
export function undeclared(document: OpenApi, { responses }: Operation, answer: RawAnswer): string[] {
  const response = responses[String(answer.status)];
  if (response === undefined) return [`status ${answer.status}: ${answer.body}`];
  if (!answer.headers.has("x-request-id")) return ["no x-request-id"];
  const { content } = response;
  if ("*/*" in content) return [];
  const type = answer.headers.get("content-type") ?? "none";
  const declared = content[type];
  if (declared === undefined) return [`status ${answer.status} with content type ${type}`];
  return [...problems(JSON.parse(answer.body.toString()), declared.schema, document, "body")];
}

/** What of the value is against the schema; empty: nothing. */
export function* problems(value: unknown, schema: Schema, document: OpenApi, at: string): Generator<string> {
  if (schema.$ref !== undefined) {
    const name = schema.$ref.split("/").at(-1)!;
    yield* problems(value, document.components.schemas[name]!, document, at);
    return;
  }
  if (schema.enum !== undefined && !schema.enum.includes(value as string)) yield `${at} is ${value}`;
  if (schema.pattern !== undefined && !new RegExp(schema.pattern, "u").test(String(value)))
    yield `${at} is ${value}, which is not as ${schema.pattern}`;
  if (schema.format === "date-time" && Number.isNaN(Date.parse(String(value)))) yield `${at} is no time`;
  if (schema.format === "int64" && schema.type === "string" && !/^-?\d+$/.test(String(value)))
    yield `${at} is no number in a string`;
  if (schema.type !== undefined && !types[schema.type]!(value)) {
    yield `${at} is ${JSON.stringify(value)}, no ${schema.type}`;
    return;
  }
  if (typeof value === "string" || Array.isArray(value)) {
    const length = [...value].length;
    const least = schema.minLength ?? schema.minItems ?? 0;
    const most = schema.maxLength ?? schema.maxItems ?? length;
    if (length < least || length > most) yield `${at} has length ${length}, not ${least} to ${most}`;
  }
  if (typeof value === "number") {
    const { minimum = value, maximum = value, exclusiveMaximum = Number.POSITIVE_INFINITY } = schema;
    if (value < minimum || value > maximum || value >= exclusiveMaximum) yield `${at} is ${value}`;
  }
  if (schema.type === "array") {
    for (const [i, item] of (value as unknown[]).entries())
      yield* problems(item, schema.items ?? {}, document, `${at}[${i}]`);
  }
  if (schema.type !== "object") return;
  const fields = value as Record<string, unknown>;
  for (const name of schema.required ?? []) if (!(name in fields)) yield `${at} lacks ${name}`;
  const { properties, additionalProperties, anyOf, propertyNames, maxProperties } = schema;
  if (anyOf !== undefined && !anyOf.some(({ required }) => required.every((name) => name in fields)))
    yield `${at} lacks ${anyOf.map(({ required }) => required.join(" and ")).join(" or ")}`;
  const names = Object.keys(fields);
  if (names.length > (maxProperties ?? names.length)) yield `${at} has ${names.length} pairs`;
  if (propertyNames !== undefined)
    for (const name of names) yield* problems(name, propertyNames, document, `the key of ${at}.${name}`);
  // A message of any type, and any JSON object.
  if ((properties === undefined || "@type" in properties) && typeof additionalProperties !== "object") return;
  for (const [name, inner] of Object.entries(fields)) {
    const declared = properties?.[name] ?? additionalProperties;
    if (typeof declared !== "object") yield `${at} has ${name}, which is not declared`;
    else yield* problems(inner, declared, document, `${at}.${name}`);
  }
}

/** Numbers that JSON does not have are text in proto JSON. */
const notFinite = new Set<unknown>(["NaN", "Infinity", "-Infinity"]);
const types: Readonly<Record<string, (value: unknown) => boolean>> = {
  string: (value) => typeof value === "string",
  boolean: (value) => typeof value === "boolean",
  integer: (value) => Number.isInteger(value),
  number: (value) => typeof value === "number" || notFinite.has(value),
  array: Array.isArray,
  object: (value) => typeof value === "object" && value !== null && !Array.isArray(value),
};
