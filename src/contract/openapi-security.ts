/** How keys are passed over REST, as the OpenAPI document states it. */
import type { DescMethod, JsonObject } from "@bufbuild/protobuf";
import { browserKeyParameter, restOptionsOf, Scope, scopeOf } from "./options.ts";

const browserKeyText =
  "A browser key, which is one with allowed origins, for pages whose request may cause no CORS preflight. No other key " +
  "is taken here.";

export const securitySchemes: JsonObject = {
  apiKey: {
    type: "apiKey",
    in: "header",
    name: "x-api-key",
    description: "A key.",
  },
  bearer: {
    type: "http",
    scheme: "bearer",
    description: "A key, or a JSON Web Token where the server is set up for an issuer's.",
  },
  browserKey: { type: "apiKey", in: "query", name: browserKeyParameter, description: browserKeyText },
};

/** The schemes that the method takes, any one of them; empty: it needs no key. */
export function securityOf(method: DescMethod): JsonObject[] {
  if (scopeOf(method) === Scope.OPEN) return [];
  return [{ apiKey: [] }, { bearer: [] }, ...(takesBrowserKey(method) ? [{ browserKey: [] }] : [])];
}

export function keyParameters(method: DescMethod): JsonObject[] {
  if (!takesBrowserKey(method)) return [];
  const schema = { type: "string" };
  return [{ name: browserKeyParameter, in: "query", description: browserKeyText, schema }];
}

function takesBrowserKey(method: DescMethod): boolean {
  return restOptionsOf(method).plainText;
}
