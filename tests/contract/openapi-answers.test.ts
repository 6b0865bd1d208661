/** Every operation of /openapi.json under requests that it allows and others: no answer that it does not declare. */
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, Scope } from "../../client/node/index.ts";
import { openApiDocument } from "../../src/contract/openapi.ts";
import { contractServices } from "../../src/contract/registry.ts";
import { sendRaw } from "../support/http.ts";
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
beforeAll(async () => {
  server = await startServer({ args: ["--auth", "required"], env: { WEIR_BOOTSTRAP_KEY: bootstrapKey } });
  const operator = createWeirClient({ url: server.url, apiKey: bootstrapKey });
  const scopes = [Scope.INGEST, Scope.QUERY, Scope.ADMIN, Scope.PLATFORM];
  key = (await operator.admin.createApiKey({ name: "all", scopes })).secret;
  otherKey = (await operator.admin.createProject({ projectId: "other" })).secret;
  await operator.close();
});
afterAll(() => server.stop());

describe.each(operations)("$name", ({ verb, path, operation }) => {
  // A seed of its own keeps the requests the same from run to run.
  const parameters = { numRuns: 25, seed: 14 };
  const requests = requestsOf(document, verb, path, operation);

  it("answers what it declares, and is never at a loss", async () => {
    const own = path === "/v1/admin/settings" ? otherKey : key;
    const later = operation.summary.includes("answered by a later version");
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const headers = { ...request.headers, "x-api-key": own };
        const { status, body } = await sendRaw(server.url, { ...request, headers });
        expect(Object.keys(operation.responses), body.toString()).toContain(String(status));
        if (status >= 500) expect({ status, later }, body.toString()).toEqual({ status: 501, later: true });
      }),
      parameters,
    );
  });

  it("answers nothing without a key, whatever is sent", async () => {
    await fc.assert(
      fc.asyncProperty(requests, async (request) => {
        const { status, body } = await sendRaw(server.url, request);
        expect({ status, reason: JSON.parse(body.toString()).details[0].reason }).toEqual({
          status: 401,
          reason: "NO_KEY",
        });
      }),
      { ...parameters, numRuns: 5 },
    );
  });
});
