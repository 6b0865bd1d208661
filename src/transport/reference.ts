/** The API reference as HTML, made of the OpenAPI document: everything is in the page itself. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../contract/json-request.ts";
import { escapeHtml, htmlPage } from "./html.ts";
import { errorLine, errorSection } from "./reference-errors.ts";
import {
  fieldsOf,
  fieldTable,
  listOf,
  listOfTexts,
  prose,
  table,
  textOf,
  typeText,
} from "./reference-fields.ts";

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
      `${contents.join("")}<li><a href="#errors">Errors</a></li><li><a href="#types">Types</a></li></ul></nav>` +
      keySection(openApi) +
      sections.join("") +
      errorSection(operations.map(({ operation }) => operation)) +
      `<h2 id="types">Types</h2>${types.join("")}`,
  );
}

/** How a key is passed. */
function keySection({ components }: JsonObject): string {
  const schemes =
    isObject(components) && isObject(components.securitySchemes) ? components.securitySchemes : {};
  const rows = Object.values(schemes)
    .filter(isObject)
    .map((scheme) => [`<code>${keyForm(scheme)}</code>`, prose(textOf(scheme.description))]);
  return (
    '<h2 id="keys">Keys</h2><p>Where the server requires keys, each request brings one, in one of these ways. A ' +
    "server bound to loopback alone is open and needs none, unless it is set up to require them.</p>" +
    table(rows)
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
    note: parameter.in === "path" ? "path" : parameter.required === true ? "required" : "",
  }));
  const { requestBody: body, responses } = operation;
  const answers = Object.entries(isObject(responses) ? responses : {}).filter(([status]) =>
    /^2/.test(status),
  );
  const shapes = [
    ...(isObject(body) ? [`<p>Body: ${contentText(body)}</p>`] : []),
    ...answers.map(
      ([status, answer]) => `<p>Answer: ${status}, ${contentText(isObject(answer) ? answer : {})}</p>`,
    ),
    errorLine(operation),
  ];
  return (
    `<section><h3 id="${id}"><code>${escapeHtml(label)}</code></h3>` +
    `<p>${prose(textOf(operation.description))}</p>${fieldTable(parameters)}${shapes.join("")}</section>`
  );
}

function typeSection(name: string, schema: JsonValue): string {
  const type = isObject(schema) ? schema : {};
  return (
    `<section><h3 id="${name}"><code>${name}</code></h3><p>${prose(textOf(type.description))}</p>` +
    `${fieldTable(fieldsOf(type))}</section>`
  );
}

/** The types of the content, and of what schema it is. */
function contentText({ content }: JsonObject): string {
  const [[first, media] = ["", undefined], ...others] = Object.entries(isObject(content) ? content : {});
  // What it is depends on the request, as the method says.
  if (first === "*/*") return "bare text or bytes, as its content type says";
  const types = [first, ...others.map(([type]) => type)].map((type) => `<code>${type}</code>`);
  return `${types.join(" or ")}, ${typeText(isObject(media) ? media.schema : undefined)}`;
}

function schemasOf({ components }: JsonObject): JsonObject {
  return isObject(components) && isObject(components.schemas) ? components.schemas : {};
}
