import { describe, expect, test } from "vitest";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { createRouteMatcher, type RestBinding, restBindings } from "../../src/contract/bindings.ts";
import { bindVariables, parsePathTemplate } from "../../src/contract/path-template.ts";
import { contractServices } from "../../src/contract/registry.ts";

/** Routes as the matcher takes them, told apart by their templates. */
function matcher(...routes: string[]) {
  const bindings = routes.map((route): RestBinding => {
    const [httpMethod, source] = route.split(" ") as [string, string];
    const template = parsePathTemplate(source);
    return {
      method: EventIngestionService.method.health,
      httpMethod,
      template,
      body: undefined,
      responseBody: "",
    };
  });
  return createRouteMatcher(bindings);
}

describe("a path template", () => {
  test.each([
    ["/v1/events", "/v1/events", {}],
    ["/v1/users/{user_id}", "/v1/users/a", { user_id: "a" }],
    ["/v1/users/{user_id}", "/v1/users/a%2Fb%20c", { user_id: "a/b c" }],
    ["/v1/{name=users/*}", "/v1/users/a", { name: "users/a" }],
    ["/v1/{name=files/**}", "/v1/files/a/b%20c/d%2Fe", { name: "files/a/b c/d%2Fe" }],
    ["/v1/{user.id}/x/{other}", "/v1/1/x/2", { "user.id": "1", other: "2" }],
    ["/v1/{id}:cancel", "/v1/a:b:cancel", { id: "a:b" }],
  ])("%s takes %s apart", (source, path, expected) => {
    const found = matcher(`GET ${source}`)("GET", path);
    if (found.kind !== "match") throw new Error(found.kind);
    expect(Object.fromEntries(found.variables.map(({ field, value }) => [field, value]))).toEqual(expected);
  });

  test.each(["v1/events", "/v1/{a", "/v1/**/b", "/v1/a{b}c="])("%s is none", (source) => {
    expect(() => parsePathTemplate(source)).toThrow();
  });

  test("does not take a path whose encoding is broken", () => {
    expect(bindVariables(parsePathTemplate("/{a}"), ["%zz"])).toBeUndefined();
  });
});

describe("the matcher", () => {
  const match = matcher(
    "GET /v1/events/{id}",
    "POST /v1/events/batch",
    "POST /v1/events",
    "GET /v1/events/{id}:verify",
  );

  test.each([
    ["GET", "/v1/events/a", "match"],
    ["HEAD", "/v1/events/a", "match"],
    ["POST", "/v1/events/batch", "match"],
    ["GET", "/v1/events/batch", "match"],
    ["GET", "/v1/events/", "none"],
    ["GET", "/v1/events/a/b", "none"],
    ["GET", "/v1/events/%zz", "malformed"],
    ["DELETE", "/v1/events", "method-not-allowed"],
    ["GET", "", "none"],
    ["GET", "/", "none"],
  ])("%s %s: %s", (method, path, kind) => {
    expect(match(method, path).kind).toBe(kind);
  });

  test("prefers a literal to a variable, and a verb to none", () => {
    const sources = (method: string, path: string) => {
      const found = match(method, path);
      return found.kind === "match" ? found.binding.template.source : found.kind;
    };
    expect(sources("POST", "/v1/events/batch")).toBe("/v1/events/batch");
    expect(sources("GET", "/v1/events/a:verify")).toBe("/v1/events/{id}:verify");
    expect(sources("GET", "/v1/events/a:other")).toBe("/v1/events/{id}");
  });

  test("names the methods of a path, HEAD and OPTIONS among them", () => {
    expect(match("PUT", "/v1/events/a")).toEqual({
      kind: "method-not-allowed",
      allowed: ["GET", "HEAD", "OPTIONS"],
    });
  });
});

test("every route of the contract matches itself alone", () => {
  const bindings = restBindings(contractServices);
  const match = createRouteMatcher(bindings);
  expect(bindings.length).toBeGreaterThan(40);
  for (const binding of bindings) {
    const path = binding.template.source.replace(/\{[^}]+\}/g, "value");
    expect(match(binding.httpMethod, path), binding.template.source).toMatchObject({
      kind: "match",
      binding,
    });
  }
});

test("additional bindings stand beside the first", () => {
  const paths = restBindings([AnalyticsService])
    .filter(({ method }) => method.name === "GetAnalyticsSummary")
    .map(({ template }) => template.source);
  expect(paths).toEqual(["/v1/analytics/summary", "/analytics/summary"]);
});
