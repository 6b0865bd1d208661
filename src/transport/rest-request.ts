/** Makes a request message of a REST request: path variables, query and body, as google.api.http maps them. */
import {
  create,
  type DescField,
  type JsonObject,
  type JsonValue,
  type Message,
  ScalarType,
} from "@bufbuild/protobuf";
import type { RestBinding } from "../contract/bindings.ts";
import { elementFromJson, isObject, messageFromJson, refused } from "../contract/json-request.ts";
import { browserKeyParameter, restOptionsOf } from "../contract/options.ts";
import { queryToJson, setByPath } from "../contract/query-params.ts";
import { type FieldViolation, WeirError } from "../domain/errors.ts";
import type { Exchange } from "./exchange.ts";
import { unsupported } from "./routes.ts";
import { charsetOf } from "./wire.ts";

export interface RestRequest {
  readonly message: Message;
  /** Elements of the method's element_field that did not parse, by index. */
  readonly unparsed: ReadonlyMap<number, FieldViolation>;
}

export interface RestSource {
  readonly binding: RestBinding;
  readonly variables: readonly { readonly field: string; readonly value: string }[];
  /** Whether a text/plain body is taken as JSON, and a browser key in the query passed over. */
  readonly plainText: boolean;
}

/**
 * What `curl -d` says of its body where it is told nothing else. Any web page can have its visitor's browser send this
 * type, without a preflight, so from browsers it is not taken: they put Origin on every POST, whatever the page does, and
 * Sec-Fetch-* on requests to loopback and by https.
 */
const formType = "application/x-www-form-urlencoded";
const browserHeaders = ["origin", "sec-fetch-site", "sec-fetch-mode", "sec-fetch-dest", "sec-fetch-user"];
const browserKeyOnly: ReadonlySet<string> = new Set([browserKeyParameter]);
const noParameter: ReadonlySet<string> = new Set();
const allParsed: ReadonlyMap<number, FieldViolation> = new Map();

/** @throws WeirError UNSUPPORTED_MEDIA_TYPE, BODY_TOO_LARGE, MALFORMED_BODY or INVALID_REQUEST */
export async function readRestRequest(
  exchange: Exchange,
  { binding, variables, plainText }: RestSource,
  maxBodyBytes: number,
): Promise<RestRequest> {
  const input = binding.method.input;
  const { body } = binding;
  const ignored = plainText ? browserKeyOnly : noParameter;
  const taken = new Set(
    body === "*"
      ? input.fields.map((field) => field.name)
      : [...variables.map(({ field }) => field), ...(body === undefined ? [] : [body.name])],
  );
  const json: JsonObject = queryToJson(input, exchange.query, taken, ignored);
  let elements: Elements | undefined;
  if (body !== undefined) {
    const sent = await readJson(exchange, plainText, maxBodyBytes);
    if (body !== "*") {
      if (sent !== undefined) json[body.name] = sent;
    } else if (sent !== undefined) {
      if (!isObject(sent)) throw malformed("the body must be a JSON object");
      elements = takeElements(binding, sent);
      for (const [key, value] of Object.entries(sent)) if (key !== elements?.key) json[key] = value;
    }
  }
  for (const { field, value } of variables) {
    const problem = setByPath(input, json, field, value);
    if (problem !== undefined) throw refused([{ field, ruleId: "path", message: problem }]);
  }
  const message = messageFromJson(input, json);
  if (elements === undefined) return { message, unparsed: allParsed };
  (message as unknown as Record<string, Message[]>)[elements.field.localName] = elements.messages;
  return { message, unparsed: elements.unparsed };
}

interface Elements {
  readonly key: string;
  readonly field: DescField;
  /** Where one did not parse there stands one with no more than its id. */
  readonly messages: Message[];
  readonly unparsed: ReadonlyMap<number, FieldViolation>;
}

/** Parses each element of the method's element_field alone, so that one that fails does not fail its neighbours. */
function takeElements(binding: RestBinding, body: JsonObject): Elements | undefined {
  const input = binding.method.input;
  const name = restOptionsOf(binding.method).elementField;
  const field = input.fields.find((candidate) => candidate.name === name);
  if (field?.fieldKind !== "list" || field.message === undefined) return undefined;
  const keys = [...new Set([field.name, field.jsonName])].filter((key) => Array.isArray(body[key]));
  const [key] = keys;
  // Given by both of its names it is refused by the decoder.
  if (key === undefined || keys.length > 1) return undefined;
  const { message } = field;
  const unparsed = new Map<number, FieldViolation>();
  const messages = (body[key] as JsonValue[]).map((element, index) => {
    const parsed = elementFromJson(message, element);
    if ("$typeName" in parsed) return parsed;
    unparsed.set(index, parsed);
    const id = isObject(element) && typeof element.id === "string" ? element.id : "";
    return create(message, message.field.id?.scalar === ScalarType.STRING ? { id } : {});
  });
  return { key, field, messages, unparsed };
}

/** The body as JSON; undefined where it is empty. */
async function readJson(
  exchange: Exchange,
  plainText: boolean,
  maxBodyBytes: number,
): Promise<JsonValue | undefined> {
  const sent = exchange.header("content-type");
  const type = sent?.toLowerCase().split(";", 1)[0]?.trim();
  // A page of any site can send a form, or a body without a type, and no preflight asks whether it may.
  const withoutPreflight = type === formType || type === undefined;
  const taken =
    type === "application/json" ||
    (plainText && type === "text/plain") ||
    (withoutPreflight && !isFromBrowser(exchange));
  if (!taken) {
    const hint = withoutPreflight ? ", and is not taken from a browser" : "";
    throw unsupported(
      `content type ${sent ?? "none"} is not application/json${plainText ? " or text/plain" : ""}${hint}`,
    );
  }
  const charset = charsetOf(sent ?? "") ?? "utf-8";
  if (!/^utf-?8$/.test(charset)) throw unsupported(`charset ${charset} is not utf-8`);
  const bytes = await exchange.body(maxBodyBytes);
  if (bytes.length === 0) return undefined;
  try {
    return JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes)) as JsonValue;
  } catch (error) {
    throw malformed(`the body is no JSON: ${error instanceof Error ? error.message : error}`);
  }
}

function isFromBrowser(exchange: Exchange): boolean {
  return browserHeaders.some((name) => exchange.header(name) !== undefined);
}

function malformed(message: string): WeirError {
  return new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", message);
}
