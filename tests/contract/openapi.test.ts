/** /openapi.json: every route of the contract, in a document whose parts hold together. */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { restBindings } from "../../src/contract/bindings.ts";
import { contractServices } from "../../src/contract/registry.ts";
import { type RunningServer, startServer } from "../support/server.ts";

interface Parameter {
  name: string;
  in: string;
  required?: boolean;
  schema: object;
}
interface Operation {
  operationId: string;
  tags: string[];
  summary: string;
  description: string;
  parameters: Parameter[];
  requestBody?: { content: Record<string, { schema: object }> };
  responses: Record<string, { content?: object; description?: string; $ref?: string }>;
  security: Record<string, string[]>[];
}
interface Document {
  openapi: string;
  info: { title: string; version: string };
  tags: { name: string }[];
  paths: Record<string, Record<string, Operation>>;
  components: {
    schemas: Record<string, object>;
    responses: Record<string, object>;
    securitySchemes: Record<string, object>;
  };
}

let server: RunningServer;
let document: Document;
beforeAll(async () => {
  server = await startServer();
  const response = await fetch(`${server.url}/openapi.json`);
  expect(response.status).toBe(200);
  expect(response.headers.get("content-type")).toBe("application/json");
  document = (await response.json()) as Document;
});
afterAll(() => server.stop());

function operations(): { route: string; path: string; operation: Operation }[] {
  return Object.entries(document.paths).flatMap(([path, byVerb]) =>
    Object.entries(byVerb).map(([verb, operation]) => ({
      route: `${verb.toUpperCase()} ${path}`,
      path,
      operation,
    })),
  );
}

/** Every value of the document, with where it stands. */
function* walk(value: unknown, at: string): Generator<{ at: string; value: Record<string, unknown> }> {
  if (typeof value !== "object" || value === null) return;
  if (!Array.isArray(value)) yield { at, value: value as Record<string, unknown> };
  for (const [key, inner] of Object.entries(value)) yield* walk(inner, `${at}/${key}`);
}

test("it is an OpenAPI 3.1 document of this version", async () => {
  expect(document.openapi).toMatch(/^3\.1\.\d$/);
  const { version } = (await import("../../package.json", { with: { type: "json" } })).default;
  expect(document.info).toMatchObject({ title: "Weir", version });
});

test("it lists every route of the contract, and no other", () => {
  const routes = restBindings(contractServices).map(
    ({ httpMethod, template }) => `${httpMethod} ${template.source.replace(/=[^}]*\}/g, "}")}`,
  );
  expect(
    operations()
      .map(({ route }) => route)
      .sort(),
  ).toEqual(routes.sort());
});

test("its references resolve, and every schema is used", () => {
  const used = new Set<string>();
  for (const { at, value } of walk(document, "#")) {
    if (typeof value.$ref !== "string") continue;
    const parts = value.$ref.split("/").map((part) => part.replace(/~1/g, "/").replace(/~0/g, "~"));
    expect(parts[0], at).toBe("#");
    let found: unknown = document;
    for (const part of parts.slice(1)) found = (found as Record<string, unknown>)?.[part];
    expect(found, `${value.$ref} at ${at}`).toBeTypeOf("object");
    used.add(value.$ref);
  }
  const schemas = Object.keys(document.components.schemas).map((name) => `#/components/schemas/${name}`);
  expect(schemas.filter((name) => !used.has(name))).toEqual([]);
});

test("operation ids are unique, and name what a generator can make a function of", () => {
  const ids = operations().map(({ operation }) => operation.operationId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[A-Za-z]\w*$/);
});

test("every parameter of a path is declared, required and has a schema; no name stands twice", () => {
  for (const { route, path, operation } of operations()) {
    const inPath = operation.parameters.filter((parameter) => parameter.in === "path");
    const named = [...path.matchAll(/\{([^}]+)\}/g)].map((match) => match[1]);
    expect(
      inPath.map(({ name }) => name),
      route,
    ).toEqual(named);
    for (const parameter of inPath) expect(parameter.required, route).toBe(true);
    const all = operation.parameters.map((parameter) => `${parameter.in} ${parameter.name}`);
    expect(new Set(all).size, route).toBe(all.length);
    for (const { name, schema } of operation.parameters)
      expect(schema, `${route} ${name}`).toBeTypeOf("object");
  }
});

test("every operation has a body exactly where its verb brings one, an answer, and errors", () => {
  const tags = document.tags.map(({ name }) => name);
  const schemes = Object.keys(document.components.securitySchemes);
  for (const { route, operation } of operations()) {
    if (/^(GET|DELETE)/.test(route)) expect(operation.requestBody, route).toBeUndefined();
    else expect(Object.keys(operation.requestBody?.content ?? {}), route).toContain("application/json");
    const [success, ...others] = Object.keys(operation.responses).filter((status) => status.startsWith("2"));
    expect([success, others], route).toEqual([route === "POST /events/async" ? "202" : "200", []]);
    expect(Object.keys(operation.responses), route).toEqual(expect.arrayContaining(["400", "429", "503"]));
    expect(tags, route).toContain(operation.tags[0]);
    for (const scheme of operation.security.flatMap(Object.keys)) expect(schemes, route).toContain(scheme);
    expect(operation.summary, route).not.toBe("");
  }
});

test("only where a page may send without a preflight may a key stand in the query", () => {
  const inQuery = Object.entries(document.components.securitySchemes).filter(
    ([, scheme]) => "in" in scheme && scheme.in === "query",
  );
  expect(inQuery).toMatchObject([["browserKey", { type: "apiKey", name: "key" }]]);
  for (const { route, operation } of operations()) {
    const text = operation.requestBody?.content["text/plain"] !== undefined;
    expect(text, route).toBe(route === "POST /v1/events/batch");
    expect(
      operation.security.some((scheme) => "browserKey" in scheme),
      route,
    ).toBe(text);
    expect(
      operation.parameters.some((parameter) => parameter.in === "query" && parameter.name === "key"),
      route,
    ).toBe(text);
  }
});

describe("its schemas", () => {
  test("say no more than the contract: types, limits and enums", () => {
    const event = document.components.schemas["analytics.v1.Event"] as {
      properties: Record<string, Record<string, unknown>>;
    };
    expect(event.properties).toMatchObject({
      id: { type: "string", maxLength: 128 },
      user_id: { type: "string", minLength: 1, maxLength: 256 },
      timestamp: { type: "string", format: "date-time" },
      properties: { type: "object", maxProperties: 128, additionalProperties: { type: "string" } },
      measures: { type: "object", maxProperties: 64, additionalProperties: { type: "number" } },
    });
    const types = new Set(["string", "number", "integer", "boolean", "object", "array", "null"]);
    for (const { at, value } of walk(document.components.schemas, "#/components/schemas")) {
      if (/\/properties$/.test(at) || typeof value.type !== "string") continue;
      expect(types, at).toContain(value.type);
      if (value.type === "array") expect(value.items, at).toBeTypeOf("object");
    }
  });

  test("describe what the server answers", async () => {
    const sent = await fetch(`${server.url}/events`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify({ id: "e", user_id: "u", event_type: "click" }),
    });
    const schema = document.components.schemas["analytics.v1.SendEventResponse"] as { properties: object };
    expect(Object.keys((await sent.json()) as object).sort()).toEqual(Object.keys(schema.properties).sort());
  });
});
