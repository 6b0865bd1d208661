/** The API reference as HTML, made of the OpenAPI document: everything is in the page itself. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../contract/json-request.ts";
import { escapeHtml, htmlPage } from "./html.ts";

/** @param openApi as openApiDocument makes it */
export function referencePage(openApi: JsonObject): string {
  const operations = operationsOf(openApi);
  const tags = listOf(openApi.tags);
  const groups = tags.map((tag) => ({
    name: textOf(tag.name),
    description: textOf(tag.description),
    operations: operations.filter(({ operation }) => listOfTexts(operation.tags).includes(textOf(tag.name))),
  }));
  const contents = groups.map(
    ({ name, operations }) =>
      `<li><a href="#${name}">${name}</a><ul>${operations
        .map(({ id, label }) => `<li><a href="#${id}">${escapeHtml(label)}</a></li>`)
        .join("")}</ul></li>`,
  );
  const sections = groups.map(
    ({ name, description, operations }) =>
      `<h2 id="${name}">${name}</h2><p>${prose(description)}</p>${operations.map(operationSection).join("")}`,
  );
  const schemas = schemasOf(openApi);
  const types = Object.entries(schemas).map(([name, schema]) => typeSection(name, schema));
  return htmlPage(
    "Weir: API reference",
    "<p>Every method is also served by Connect, gRPC and gRPC-Web at <code>/package.Service/Method</code>; " +
      'server reflection lists them. All of this is the <a href="/openapi.json">OpenAPI document</a>.</p>' +
      '<nav><ul><li><a href="#keys">Keys</a></li>' +
      `${contents.join("")}<li><a href="#types">Types</a></li></ul></nav>` +
      `${keySection(openApi)}${sections.join("")}<h2 id="types">Types</h2>${types.join("")}`,
  );
}

/** How a key is passed. */
function keySection({ components }: JsonObject): string {
  const schemes =
    isObject(components) && isObject(components.securitySchemes) ? components.securitySchemes : {};
  const rows = Object.values(schemes)
    .filter(isObject)
    .map((s) => `<tr><td><code>${keyForm(s)}</code></td><td>${prose(textOf(s.description))}</td></tr>`);
  return (
    '<h2 id="keys">Keys</h2><p>Where the server requires keys, each request brings one, in one of these ways. A ' +
    "server bound to loopback alone is open and needs none, unless it is set up to require them.</p>" +
    `<table><tbody>${rows.join("")}</tbody></table>`
  );
}

function keyForm(scheme: JsonObject): string {
  if (scheme.type === "http") return "Authorization: Bearer KEY";
  return scheme.in === "query" ? `?${textOf(scheme.name)}=KEY` : `${textOf(scheme.name)}: KEY`;
}

interface Operation {
  readonly id: string;
  /** Verb and path. */
  readonly label: string;
  readonly operation: JsonObject;
}

function operationsOf({ paths }: JsonObject): Operation[] {
  return Object.entries(isObject(paths) ? paths : {}).flatMap(([path, item]) =>
    Object.entries(isObject(item) ? item : {}).flatMap(([verb, operation]) =>
      isObject(operation)
        ? [{ id: textOf(operation.operationId), label: `${verb.toUpperCase()} ${path}`, operation }]
        : [],
    ),
  );
}

function operationSection({ id, label, operation }: Operation): string {
  const parameters = listOf(operation.parameters).map((parameter) => ({
    name: textOf(parameter.name),
    schema: parameter.schema,
    description: textOf(parameter.description),
    note: parameter.in === "path" ? "path" : "",
  }));
  const body = jsonOf(operation.requestBody);
  const answer = jsonOf(isObject(operation.responses) ? successOf(operation.responses) : undefined);
  const shapes = [
    ...(body === undefined ? [] : [`<p>Body: ${typeText(body)}</p>`]),
    ...(answer === undefined ? [] : [`<p>Answer: ${typeText(answer)}</p>`]),
  ];
  return (
    `<section><h3 id="${id}"><code>${escapeHtml(label)}</code></h3>` +
    `<p>${prose(textOf(operation.description))}</p>${fieldTable(parameters)}${shapes.join("")}</section>`
  );
}

function typeSection(name: string, schema: JsonValue): string {
  const { description, properties } = isObject(schema) ? schema : {};
  const fields = Object.entries(isObject(properties) ? properties : {}).map(([field, type]) => ({
    name: field,
    schema: type,
    description: isObject(type) ? textOf(type.description) : "",
    note: "",
  }));
  return (
    `<section><h3 id="${name}"><code>${name}</code></h3><p>${prose(textOf(description))}</p>` +
    `${fieldTable(fields)}</section>`
  );
}

interface Field {
  readonly name: string;
  readonly schema: JsonValue | undefined;
  readonly description: string;
  readonly note: string;
}

function fieldTable(fields: readonly Field[]): string {
  if (fields.length === 0) return "";
  const rows = fields.map(
    ({ name, schema, description, note }) =>
      `<tr><td><code>${escapeHtml(name)}</code>${note === "" ? "" : ` (${note})`}</td>` +
      `<td>${typeText(schema)}</td><td>${prose(description)}</td></tr>`,
  );
  return `<table><tbody>${rows.join("")}</tbody></table>`;
}

function typeText(schema: JsonValue | undefined): string {
  if (!isObject(schema)) return "";
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1)!;
    return `<a href="#${name}">${name.split(".").at(-1)}</a>`;
  }
  if (isObject(schema.items)) return `list of ${typeText(schema.items)}`;
  if (isObject(schema.additionalProperties)) return `map to ${typeText(schema.additionalProperties)}`;
  return escapeHtml([schema.type, schema.format].filter((part) => typeof part === "string").join(", "));
}

/** The schema of a body's JSON. */
function jsonOf(body: JsonValue | undefined): JsonValue | undefined {
  const content = isObject(body) && isObject(body.content) ? body.content["application/json"] : undefined;
  return isObject(content) ? content.schema : undefined;
}

function successOf(responses: JsonObject): JsonValue | undefined {
  return Object.entries(responses).find(([status]) => status.startsWith("2"))?.[1];
}

function schemasOf({ components }: JsonObject): JsonObject {
  return isObject(components) && isObject(components.schemas) ? components.schemas : {};
}

/** Paragraphs, list items and code as the contract's comments have them. */
function prose(text: string): string {
  return escapeHtml(text)
    .replaceAll("\n", "<br>")
    .replace(/`([^`]+)`/g, "<code>$1</code>");
}

function textOf(json: JsonValue | undefined): string {
  return typeof json === "string" ? json : "";
}

function listOf(json: JsonValue | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}

function listOfTexts(json: JsonValue | undefined): string[] {
  return Array.isArray(json) ? json.map(textOf) : [];
}
