/** Every operation of /openapi.json under requests that it allows and others: no answer that it does not declare. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, Scope } from "../../client/node/index.ts";
import { openApiDocument } from "../../src/contract/openapi.ts";
import { scopeOf } from "../../src/contract/options.ts";
import { contractServices } from "../../src/contract/registry.ts";
import { type RawRequest, sendRaw } from "../support/http.ts";
import { methods } from "../support/method-calls.ts";
import { undeclared } from "../support/openapi-answers.ts";
import { oddly } from "../support/openapi-oddities.ts";
import { type OpenApi, requestsOf } from "../support/openapi-requests.ts";
import { type RunningServer, startServer } from "../support/server.ts";

const bootstrapKey = "the-operators-first-key-of-all";
const document = openApiDocument({ services: contractServices, version: "0" }) as unknown as OpenApi;
const operations = Object.entries(document.paths).flatMap(([path, verbs]) =>
  Object.entries(verbs).map(([verb, operation]) => ({
    name: `${verb.toUpperCase()} ${path}`,
    path,
    verb,
    operation,
  })),
);

let server: RunningServer;
let key: string;
/** Of a project whose settings may become anything. */
let otherKey: string;
/** Keys that do not do, by the scope that they lack. */
const lacking = new Map<Scope, string>();
beforeAll(async () => {
  server = await startServer({ args: ["--auth", "required"], env: { WEIR_BOOTSTRAP_KEY: bootstrapKey } });
  const operator = createWeirClient({ url: server.url, apiKey: bootstrapKey });
  const make = async (name: string, scopes: readonly Scope[]) =>
    (await operator.admin.createApiKey({ name, scopes: [...scopes] })).secret;
  const scopes = [Scope.INGEST, Scope.QUERY, Scope.ADMIN, Scope.PLATFORM];
  key = await make("all", scopes);
  for (const scope of scopes) {
    lacking.set(
      scope,
      await make(
        `all but ${scope}`,
        scopes.filter((one) => one !== scope),
      ),
    );
  }
  otherKey = (await operator.admin.createProject({ projectId: "other" })).secret;
  // So that there is something to answer with.
  const events = ["page_view", "a", "0"].map((name, i) => ({
    id: `e-${i}`,
    userId: "a",
    name,
    properties: { a: "0" },
    measures: { a: i },
  }));
  const ingest = createWeirClient({ url: server.url, apiKey: key });
  await ingest.ingestion.ingestEvents({ events, options: { durability: 3 } });
  await ingest.close();
  await operator.close();
});
afterAll(() => server.stop());

it("the server serves the document that is tried here", async () => {
  const served = (await (await fetch(`${server.url}/openapi.json`)).json()) as OpenApi;
  expect(served.paths).toEqual(document.paths);
  expect(served.components).toEqual(document.components);
});

describe.each(operations)("$name", ({ verb, path, operation }) => {
  // A seed of its own keeps the requests the same from run to run.
  const parameters = { numRuns: 30, seed: 14 };
  const plain = requestsOf(document, verb, path, operation);
  const requests = fc.oneof({ weight: 3, arbitrary: plain }, { weight: 2, arbitrary: oddly(plain) });
  const send = (request: RawRequest, apiKey?: string) =>
    sendRaw(server.url, {
      ...request,
      headers: { ...request.headers, ...(apiKey === undefined ? {} : { "x-api-key": apiKey }) },
    });

  it("answers what it declares, and is never at a loss", async () => {
    const own = path === "/v1/admin/settings" ? otherKey : key;
    const later = operation.summary.includes("answered by a later version");
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const answer = await send(request, own);
        expect(undeclared(document, operation, answer)).toEqual([]);
        const { status, body } = answer;
        if (status >= 500) expect({ status, later }, body.toString()).toEqual({ status: 501, later: true });
      }),
      parameters,
    );
  });

  /** Only by who asks, whatever is sent. */
  const expectRefused = (apiKey: string | undefined, status: number, reason: string) =>
    fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const answer = await send(request, apiKey);
        expect(undeclared(document, operation, answer)).toEqual([]);
        const [detail] = JSON.parse(answer.body.toString()).details;
        expect({ status: answer.status, reason: detail.reason }).toEqual({ status, reason });
      }),
      { ...parameters, numRuns: 8 },
    );

  it("answers nothing without a key, nor with a wrong one, whatever is sent", async () => {
    await expectRefused(undefined, 401, "NO_KEY");
    await expectRefused("weir_of-nobody", 401, "UNKNOWN_KEY");
  });

  it("answers nothing with a key of other scopes, whatever is sent", async () => {
    const method = methods.find(({ method }) =>
      operation.description.includes(`Method ${method.parent.typeName}/${method.name};`),
    )!.method;
    const apiKey = lacking.get(scopeOf(method));
    // Any key does.
    if (apiKey === undefined) expect(scopeOf(method)).toBe(Scope.ANY);
    else await expectRefused(apiKey, 403, "INSUFFICIENT_SCOPE");
  });
});

it("what is not declared is found out: a status, a content type, a field, a type", () => {
  const operation = document.paths["/v1/admin/projects"]!.get!;
  const answerOf = (body: unknown, status = 200, type = "application/json") => ({
    status,
    headers: new Headers({ "content-type": type, "x-request-id": "r" }),
    trailers: new Headers(),
    body: Buffer.from(JSON.stringify(body)),
  });
  const project = { project_id: "p", display_name: "P", create_time: "2025-01-01T00:00:00Z" };
  const found = (...answer: Parameters<typeof answerOf>) =>
    undeclared(document, operation, answerOf(...answer));
  expect(found({ projects: [project], next_page_token: "" })).toEqual([]);
  expect(found({}, 418)).toEqual(["status 418: {}"]);
  expect(found({}, 200, "text/html")).toEqual(["status 200 with content type text/html"]);
  const odd = { ...project, project_id: 1, create_time: "now", more: true };
  expect(found({ projects: [odd, null], next_page_token: "" })).toEqual([
    "body.projects[0].project_id is 1, no string",
    "body.projects[0].create_time is no time",
    "body.projects[0] has more, which is not declared",
    "body.projects[1] is null, no object",
  ]);
});
