/** Requests made from an OpenAPI document: most as it says, some not. */
import fc from "fast-check";
import type { RawRequest } from "./http.ts";

export interface Schema {
  readonly $ref?: string;
  readonly type?: string;
  readonly enum?: readonly string[];
  readonly format?: string;
  readonly pattern?: string;
  readonly required?: readonly string[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMaximum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  readonly minItems?: number;
  readonly maxItems?: number;
  readonly maxProperties?: number;
  readonly anyOf?: readonly { readonly required: readonly string[] }[];
  readonly propertyNames?: Schema;
  readonly items?: Schema;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly additionalProperties?: Schema | boolean;
}

export interface Operation {
  readonly operationId: string;
  readonly summary: string;
  readonly parameters: readonly { readonly name: string; readonly in: string; readonly schema: Schema }[];
  readonly requestBody?: { readonly content: Readonly<Record<string, { readonly schema: Schema }>> };
  readonly description: string;
  readonly responses: Readonly<
    Record<string, { readonly content: Readonly<Record<string, { readonly schema: Schema }>> }>
  >;
}

export interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: {
    readonly schemas: Readonly<Record<string, Schema>>;
    readonly securitySchemes: Readonly<Record<string, { readonly in?: string; readonly name?: string }>>;
  };
}

/** Levels of nested messages. */
const deepest = 4;

/** Requests of one operation, without a key. */
export function requestsOf(
  { components }: OpenApi,
  verb: string,
  path: string,
  { parameters, requestBody }: Operation,
): fc.Arbitrary<RawRequest> {
  const value = (schema: Schema) => madeBy(schema, components.schemas, deepest);
  const inPath = parameters.filter((parameter) => parameter.in === "path");
  const keys = Object.values(components.securitySchemes).map((scheme) => `${scheme.in} ${scheme.name}`);
  const inQuery = parameters.filter((one) => one.in === "query" && !keys.includes(`query ${one.name}`));
  const body = requestBody?.content["application/json"]?.schema;
  return fc
    .record({
      path: fc.tuple(...inPath.map(({ schema }) => value(schema))),
      query: fc.tuple(...inQuery.map(({ schema }) => fc.option(value(schema), { freq: 2, nil: undefined }))),
      body: body === undefined ? fc.constant(undefined) : mostly(value(body)),
    })
    .map((made): RawRequest => {
      const variables = new Map(inPath.map(({ name }, i) => [name, text(made.path[i]) || "x"]));
      const filled = path.replace(/\{([^}]+)\}/g, (_, name: string) =>
        encodeURIComponent(variables.get(name)!),
      );
      const query = new URLSearchParams(
        inQuery.flatMap(({ name }, i) => (made.query[i] === undefined ? [] : [[name, text(made.query[i])]])),
      );
      const sent = made.body === undefined ? {} : { body: Buffer.from(JSON.stringify(made.body)) };
      return {
        version: "1.1",
        verb: verb.toUpperCase(),
        path: query.size === 0 ? filled : `${filled}?${query}`,
        headers: { "content-type": "application/json" },
        ...sent,
      };
    });
}

/** Lone halves of surrogate pairs cannot stand in a URL. */
function text(value: unknown): string {
  return (typeof value === "string" ? value : JSON.stringify(value)).toWellFormed();
}

/** What the document says, or anything at all. */
function mostly(said: fc.Arbitrary<unknown>): fc.Arbitrary<unknown> {
  return fc.oneof({ weight: 6, arbitrary: said }, { weight: 1, arbitrary: fc.jsonValue() });
}

/** Values that the schema describes, and some that it does not. */
export function madeBy(
  schema: Schema,
  all: OpenApi["components"]["schemas"],
  depth: number,
): fc.Arbitrary<unknown> {
  if (schema.$ref !== undefined) return madeBy(all[schema.$ref.split("/").at(-1)!]!, all, depth - 1);
  if (schema.enum !== undefined) return mostly(fc.constantFrom(...schema.enum));
  const inner = (of: Schema) => madeBy(of, all, depth);
  switch (schema.type) {
    case "string":
      if (schema.format === "date-time")
        return mostly(fc.date({ noInvalidDate: true }).map((date) => date.toISOString()));
      return fc.oneof(
        fc.string({ maxLength: 20 }),
        fc.string({ unit: "grapheme", maxLength: 10 }),
        fc.constantFrom("", "page_view", "a", "0"),
      );
    case "integer":
      return mostly(fc.integer({ min: schema.minimum ?? -5, max: schema.maximum ?? 2_000 }));
    case "number":
      return mostly(fc.double({ noNaN: true, noDefaultInfinity: true }));
    case "boolean":
      return mostly(fc.boolean());
    case "array":
      if (depth <= 0) return fc.constant([]);
      return mostly(fc.array(inner(schema.items ?? {}), { maxLength: 3 }));
    case "object": {
      if (depth <= 0) return fc.constant({});
      const { properties = {}, additionalProperties: further } = schema;
      if (typeof further === "object")
        return fc.dictionary(fc.string({ maxLength: 8 }), inner(further), { maxKeys: 3 });
      const model = Object.fromEntries(Object.entries(properties).map(([name, of]) => [name, inner(of)]));
      return mostly(fc.record(model, { requiredKeys: [] }));
    }
    default:
      return fc.jsonValue();
  }
}
