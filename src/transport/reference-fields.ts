/** Fields and types of the API reference, with their limits. */
import type { JsonObject, JsonValue } from "@bufbuild/protobuf";
import { isObject } from "../contract/json-request.ts";
import { escapeHtml } from "./html.ts";

export interface Field {
  readonly name: string;
  readonly schema: JsonValue | undefined;
  readonly description: string;
  /** Such as "required"; may be empty. */
  readonly note: string;
}

export function fieldTable(fields: readonly Field[]): string {
  if (fields.length === 0) return "";
  const rows = fields.map(({ name, schema, description, note }) => {
    const named = `<code>${escapeHtml(name)}</code>${note === "" ? "" : ` (${note})`}`;
    return [named, typeText(schema), prose(description)];
  });
  return table(rows);
}

/** @param rows cells as HTML */
export function table(rows: readonly (readonly string[])[]): string {
  const lines = rows.map((cells) => `<tr>${cells.map((cell) => `<td>${cell}</td>`).join("")}</tr>`);
  return `<table><tbody>${lines.join("")}</tbody></table>`;
}

/** Fields of a message's schema. */
export function fieldsOf(schema: JsonObject): Field[] {
  const { properties, required, anyOf } = schema;
  // The first alternative is that of the names that stand here.
  const needed = new Set([...listOfTexts(required), ...listOfTexts(listOf(anyOf)[0]?.required)]);
  return Object.entries(isObject(properties) ? properties : {}).map(([name, type]) => ({
    name,
    schema: type,
    description: isObject(type) ? textOf(type.description) : "",
    note: needed.has(name) ? "required" : "",
  }));
}

/** A schema in words, as HTML. */
export function typeText(schema: JsonValue | undefined): string {
  if (!isObject(schema)) return "";
  return [kindText(schema), ...limitTexts(schema)].filter((part) => part !== "").join(", ");
}

function kindText(schema: JsonObject): string {
  if (typeof schema.$ref === "string") {
    const name = schema.$ref.split("/").at(-1)!;
    return `<a href="#${name}">${name.split(".").at(-1)}</a>`;
  }
  if (isObject(schema.items)) return `list of ${typeText(schema.items)}`;
  if (isObject(schema.additionalProperties)) {
    const keys = isObject(schema.propertyNames) ? ` by keys of ${limitTexts(schema.propertyNames)}` : "";
    return `map${keys} to ${typeText(schema.additionalProperties)}`;
  }
  return escapeHtml([schema.type, schema.format].filter((part) => typeof part === "string").join(", "));
}

function limitTexts(schema: JsonObject): string[] {
  const { minimum, exclusiveMinimum, maximum, exclusiveMaximum, pattern } = schema;
  const texts = [
    range(schema.minLength, schema.maxLength, "characters"),
    range(schema.minItems, schema.maxItems, "elements"),
    range(schema.minProperties, schema.maxProperties, "pairs"),
    schema.uniqueItems === true ? "each once" : "",
    minimum === undefined ? "" : `at least ${minimum}`,
    exclusiveMinimum === undefined ? "" : `more than ${exclusiveMinimum}`,
    maximum === undefined ? "" : `at most ${maximum}`,
    exclusiveMaximum === undefined ? "" : `less than ${exclusiveMaximum}`,
    typeof pattern === "string" ? `matching <code>${escapeHtml(pattern)}</code>` : "",
    listOfTexts(schema.enum)
      .map((value) => `<code>${escapeHtml(value)}</code>`)
      .join(" or "),
  ];
  return texts.filter((text) => text !== "");
}

function range(least: JsonValue | undefined, most: JsonValue | undefined, what: string): string {
  if (most === undefined) return least === undefined ? "" : `at least ${least} ${what}`;
  return least === undefined ? `up to ${most} ${what}` : `${least} to ${most} ${what}`;
}

/** Paragraphs, list items and code as the contract's comments have them. */
export function prose(text: string): string {
  return escapeHtml(text)
    .replaceAll("\n", "<br>")
    .replace(/`([^`]+)`/g, "<code>$1</code>");
}

export function textOf(json: JsonValue | undefined): string {
  return typeof json === "string" ? json : "";
}

export function listOf(json: JsonValue | undefined): JsonObject[] {
  return Array.isArray(json) ? json.filter(isObject) : [];
}

export function listOfTexts(json: JsonValue | undefined): string[] {
  return Array.isArray(json) ? json.map(textOf) : [];
}
