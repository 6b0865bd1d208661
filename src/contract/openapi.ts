/** The REST side of the contract as an OpenAPI 3.1 document, made from the descriptors alone. */
import type { DescField, DescMessage, DescService, JsonObject, JsonValue } from "@bufbuild/protobuf";
import { StatusSchema } from "../../gen/google/rpc/status_pb.js";
import { type RestBinding, restBindings } from "./bindings.ts";
import { commentOf } from "./comments.ts";
import { requiredFields } from "./openapi-limits.ts";
import { createSchemas, type Schemas } from "./openapi-schema.ts";
import { keyParameters, securityOf, securitySchemes } from "./openapi-security.ts";
import { isPlanned, restOptionsOf, Scope, scopeOf } from "./options.ts";

export interface OpenApiOptions {
  readonly services: readonly DescService[];
  /** Version of the program. */
  readonly version: string;
}

/** Statuses that any route may answer with, besides its success. */
const errorStatuses: Record<string, string> = {
  "400": "The request is invalid; the details name the fields.",
  "401": "A valid key is needed.",
  "403": "The key, the host or the origin does not allow it.",
  "404": "What is asked for does not exist.",
  "409": "What is to be made exists already, or another call was in the way.",
  "413": "The body is too large.",
  "415": "The content type or encoding is none that is taken.",
  "429": "Too much at once: try again after the delay that the details give.",
  "500": "A defect of the server.",
  "501": "A later version answers this method.",
  "503": "The server cannot answer now.",
  "504": "The deadline passed.",
};

export function openApiDocument({ services, version }: OpenApiOptions): JsonObject {
  const schemas = createSchemas();
  const error = { description: "The request failed.", content: json(schemas.message(StatusSchema)) };
  const paths: Record<string, Record<string, JsonValue>> = {};
  const ids = new Map<string, number>();
  for (const binding of restBindings(services)) {
    const path = binding.template.source.replace(/\{([^}=]+)=[^}]*\}/g, "{$1}");
    paths[path] ??= {};
    paths[path][binding.httpMethod.toLowerCase()] = operation(binding, schemas, ids);
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Weir",
      version,
      description:
        "Event analytics. The same methods are served by Connect, gRPC and gRPC-Web on the same port. " +
        "Names of fields are given as answers spell them; bodies take them in lowerCamelCase too. " +
        "Every response carries x-request-id; every error carries google.rpc.ErrorInfo among its details.",
    },
    servers: [{ url: "/" }],
    tags: services.map((service) => ({ name: service.name, description: commentOf(service) })),
    paths,
    components: {
      schemas: schemas.all(),
      responses: { Error: error },
      securitySchemes,
    },
  };
}

function operation(binding: RestBinding, schemas: Schemas, ids: Map<string, number>): JsonObject {
  const { method } = binding;
  const base = `${method.parent.name}_${method.name}`;
  const number = (ids.get(base) ?? 0) + 1;
  ids.set(base, number);
  const scope = scopeOf(method);
  return {
    operationId: number === 1 ? base : `${base}_${number}`,
    tags: [method.parent.name],
    summary: `${words(method.name)}${isPlanned(method) ? " (answered by a later version)" : ""}`,
    description: `${commentOf(method)}\n\nMethod ${method.parent.typeName}/${method.name}; needs ${scopeText(scope)}.`,
    parameters: [
      ...pathParameters(binding, schemas),
      ...queryParameters(binding, schemas),
      ...keyParameters(method),
    ],
    ...requestBody(binding, schemas),
    responses: responses(binding, schemas),
    security: securityOf(method),
  };
}

function words(name: string): string {
  return name.replace(/(?<=[a-z])(?=[A-Z])/g, " ");
}

function scopeText(scope: Scope): string {
  if (scope === Scope.OPEN) return "no key";
  return scope === Scope.ANY ? "any key" : `a key with scope ${Scope[scope].toLowerCase()}`;
}

function pathParameters({ template, method }: RestBinding, schemas: Schemas): JsonObject[] {
  return template.variables.map(({ field: name }) => {
    const field = nested(method.input, name.split("."));
    return {
      name,
      in: "path",
      required: true,
      description: commentOf(field),
      schema: schemas.field(field),
    };
  });
}

function nested(message: DescMessage, [name, ...rest]: readonly string[]): DescField {
  const field = message.fields.find((candidate) => candidate.name === name)!;
  return rest.length === 0 ? field : nested(field.message!, rest);
}

/** Every field that neither the path nor the body brings, nested ones by dots. */
function queryParameters({ template, method, body }: RestBinding, schemas: Schemas): JsonObject[] {
  if (body === "*") return [];
  const taken = new Set(template.variables.map(({ field }) => field));
  if (body !== undefined) taken.add(body.name);
  return parametersOf(method.input, "", taken, schemas, new Set());
}

function parametersOf(
  message: DescMessage,
  prefix: string,
  taken: ReadonlySet<string>,
  schemas: Schemas,
  within: ReadonlySet<DescMessage>,
): JsonObject[] {
  // A nested message may be absent as a whole, and of a field with two names either one will do.
  const required = (prefix === "" ? requiredFields(message) : []).filter((f) => f.name === f.jsonName);
  return message.fields.flatMap((field): JsonObject[] => {
    const name = `${prefix}${field.name}`;
    if (taken.has(name)) return [];
    if (field.fieldKind === "message" && !field.message.typeName.startsWith("google.protobuf.")) {
      if (within.has(field.message)) return [];
      return parametersOf(field.message, `${name}.`, taken, schemas, new Set([...within, message]));
    }
    // A list of messages has no form in a query.
    if (field.fieldKind === "list" && field.message !== undefined && schemas.message(field.message).$ref)
      return [];
    const style = field.fieldKind === "map" ? { style: "deepObject", explode: true } : {};
    const parameter = { name, in: "query", description: commentOf(field), schema: schemas.field(field) };
    return [{ ...parameter, ...(required.includes(field) ? { required: true } : {}), ...style }];
  });
}

function requestBody({ method, body, template }: RestBinding, schemas: Schemas): JsonObject {
  if (body === undefined) return {};
  const inPath = new Set(template.variables.map(({ field }) => field));
  const whole = () =>
    inPath.size === 0 ? schemas.message(method.input) : schemas.rest(method.input, inPath);
  const schema = body === "*" ? whole() : schemas.field(body);
  const text = restOptionsOf(method).plainText ? { "text/plain": { schema } } : {};
  return { requestBody: { required: true, content: { ...json(schema), ...text } } };
}

function responses(binding: RestBinding, schemas: Schemas): JsonObject {
  const options = restOptionsOf(binding.method);
  const success = {
    description: "The answer.",
    headers: { "x-request-id": { schema: { type: "string" } } },
    content: successContent(binding, schemas),
  };
  const errors = Object.entries(errorStatuses).map(([status, description]): [string, JsonObject] => [
    status,
    { description, content: json({ $ref: "#/components/schemas/google.rpc.Status" }) },
  ]);
  return {
    [String(options.successStatus || 200)]: success,
    ...Object.fromEntries(errors),
    default: { $ref: "#/components/responses/Error" },
  };
}

function successContent({ method, responseBody }: RestBinding, schemas: Schemas): JsonObject {
  const options = restOptionsOf(method);
  if (options.bodyField !== "") return { "*/*": { schema: { type: "string" } } };
  const field = method.output.fields.find((candidate) => candidate.name === responseBody);
  const schema = field === undefined ? schemas.message(method.output) : schemas.field(field);
  return method.methodKind === "unary" ? json(schema) : { "application/x-ndjson": { schema } };
}

function json(schema: JsonObject): JsonObject {
  return { "application/json": { schema } };
}
