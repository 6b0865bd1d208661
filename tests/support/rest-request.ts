import { type DescMethod, type JsonObject, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { type RestBinding, restBindings } from "../../src/contract/bindings.ts";
import { contractRegistry, contractServices } from "../../src/contract/registry.ts";

const bindings = restBindings(contractServices);

/** The REST routes of a method. */
export function bindingsOf(method: DescMethod): readonly RestBinding[] {
  return bindings.filter((binding) => binding.method === method);
}

/** What a user would send for the request over this route. */
export function restRequest(
  { httpMethod, template, body }: RestBinding,
  desc: DescMethod["input"],
  message: Message,
): { verb: string; path: string; body: JsonValue | undefined } {
  const json = toJson(desc, message, { useProtoFieldName: true, registry: contractRegistry }) as JsonObject;
  let path = template.source;
  for (const { field } of template.variables) {
    path = path.replace(`{${field}}`, encodeURIComponent(String(json[field] ?? "")));
    delete json[field];
  }
  if (body === "*") return { verb: httpMethod, path, body: json };
  const sent = body === undefined ? undefined : (json[body.name] ?? null);
  if (body !== undefined) delete json[body.name];
  const query = new URLSearchParams(parameters(json, "")).toString();
  return { verb: httpMethod, path: query === "" ? path : `${path}?${query}`, body: sent };
}

/** Nested fields by dots, lists as repeated parameters. */
function parameters(json: JsonObject, prefix: string): [string, string][] {
  return Object.entries(json).flatMap(([name, value]): [string, string][] => {
    if (Array.isArray(value)) return value.map((one) => [prefix + name, String(one)]);
    if (typeof value === "object" && value !== null) return parameters(value, `${prefix}${name}.`);
    return [[prefix + name, String(value)]];
  });
}
