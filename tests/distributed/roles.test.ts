/** What each process of an installation serves, and what it says of that which others do. */
import type { DescMethod } from "@bufbuild/protobuf";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createWeirClient, errorReason } from "../../client/node/index.ts";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.js";
import { isPlanned } from "../../src/contract/options.ts";
import { contractServices } from "../../src/contract/registry.ts";
import { type Role, roles } from "../../src/domain/roles.ts";
import { bufCurl, bufProtocols } from "../support/buf-curl.ts";
import { getJson } from "../support/figures.ts";
import { sendRaw } from "../support/http.ts";
import { type Installation, startInstallation } from "../support/installation.ts";
import { bootstrapKey, callsOf, methods } from "../support/method-calls.ts";
import { bindingsOf } from "../support/rest-request.ts";
import type { RunningServer } from "../support/server.ts";

const roleOfService: Record<string, Role> = {
  EventIngestionService: "ingest",
  ProducerService: "ingest",
  ConsumerService: "consumer",
  AnalyticsService: "analytics",
};
const { listDeadLetters, replayDeadLetters, discardDeadLetters } = AdminService.method;
/** Of a service that every process has, but about what stands in the store. */
const aboutStore: readonly DescMethod[] = [listDeadLetters, replayDeadLetters, discardDeadLetters];

/** The roles of which one is enough to answer the method; undefined where none is needed. */
function rolesOf(method: DescMethod): readonly Role[] | undefined {
  if (aboutStore.includes(method)) return ["consumer", "analytics"];
  const role = roleOfService[method.parent.name];
  return role && [role];
}

const served = methods.filter(({ method }) => !isPlanned(method));
const elsewhere = (role: Role) => served.filter(({ method }) => rolesOf(method)?.includes(role) === false);

/** Names of the parts in /health, and that of the role's own figures in /stats. */
const parts: Record<Role, { health: string[]; stats: string[] }> = {
  ingest: { health: ["log", "state", "applied"], stats: ["producer"] },
  consumer: {
    health: ["log", "state", "store", "membership", "applied", "consumer"],
    stats: ["consumer"],
  },
  analytics: { health: ["log", "state", "store", "applied", "live"], stats: ["store", "live"] },
};

let installation: Installation;
let servers: Record<Role, RunningServer>;
const urlOf = (role: Role) => servers[role].url;
beforeAll(async () => {
  installation = await startInstallation({ env: { WEIR_BOOTSTRAP_KEY: bootstrapKey } });
  servers = await installation.serveEach();
});
afterAll(() => installation?.close());

describe.each(roles)("a process with the role %s alone", (role) => {
  it.each(elsewhere(role))("says of $name that it is not here, whatever the protocol", async ({ method }) => {
    const calls = callsOf(method);
    const protocols = new Set(calls.map(({ wire }) => wire.protocol));
    const routes = bindingsOf(method).length === 0 ? [] : ["rest"];
    expect([...protocols].sort()).toEqual(["connect", "grpc", "grpc-web", ...routes]);
    for (const { by, wire, request } of calls) {
      const answer = await sendRaw(urlOf(role), { ...request, endless: false });
      expect(wire.failure(answer), by).toMatchObject({
        status: wire.framed ? 200 : 503,
        code: "Unavailable",
        reason: "ROLE_NOT_HERE",
        domain: "weir",
        message: expect.stringContaining(`needs the role ${rolesOf(method)!.join(" or ")}`),
        retryDelayMs: undefined,
      });
      expect(answer.headers.has("retry-after"), by).toBe(false);
    }
  });

  it("answers every other method", async () => {
    for (const { name, method } of served.filter(({ method }) => rolesOf(method)?.includes(role) ?? true)) {
      for (const { by, wire, request } of callsOf(method)) {
        const answer = await sendRaw(urlOf(role), request);
        if (wire.protocol === "rest") expect(answer.status, `${name} by ${by}`).toBeLessThan(300);
        else expect(wire.message(method, answer).$typeName, by).toBe(method.output.typeName);
      }
    }
  });

  it("names the parts of its role in /health and /stats, and no others, and is ready", async () => {
    const health = await getJson(urlOf(role), "/health");
    expect(health.status).toBe("healthy");
    expect(health.components.map(({ name }: { name: string }) => name)).toEqual(parts[role].health);
    expect(Object.keys(await getJson(urlOf(role), "/stats"))).toEqual([...parts[role].stats, "metrics"]);
    expect(await getJson(urlOf(role), "/ready")).toEqual({ ready: true, failing: [] });
  });

  it("has its metrics and, but for ingest, the lag of every partition", async () => {
    const metrics = await fetch(`${urlOf(role)}/metrics`);
    expect(metrics.status).toBe(200);
    const text = await metrics.text();
    expect(text).toContain("service_uptime_seconds");
    expect(text.includes("kafka_consumer_lag_total{")).toBe(role !== "ingest");
    const lag = await fetch(`${urlOf(role)}/lag`);
    expect(lag.status).toBe(role === "ingest" ? 404 : 200);
  });

  it.each(bufProtocols)("is understood by buf curl over %s, from its reflection", async (protocol) => {
    const call = { url: urlOf(role), protocol };
    for (const method of [AdminService.method.listApiKeys, MetricsService.method.getMetrics]) {
      expect(await bufCurl(call, method, {}), method.name).toMatchObject({ code: 0, stderr: "" });
    }
    const { code, stderr } = await bufCurl(call, elsewhere(role)[0]!.method, {});
    expect(code).not.toBe(0);
    expect(JSON.parse(stderr)).toMatchObject({
      code: "unavailable",
      message: expect.stringContaining("needs the role"),
    });
  });

  it("serves by grpc.health.v1 what it answers", async () => {
    const health = createClient(Health, createGrpcTransport({ baseUrl: urlOf(role) }));
    expect((await health.check({})).status).toBe(Status.SERVING);
    for (const service of contractServices) {
      const here = [role, undefined].includes(roleOfService[service.name]);
      const { status } = await health.check({ service: service.typeName });
      expect(status, service.name).toBe(here ? Status.SERVING : Status.NOT_SERVING);
    }
  });

  it("is not asked again by the typed client for what it does not do", async () => {
    let retries = 0;
    const client = createWeirClient({ url: urlOf(role), onRetry: () => retries++ });
    try {
      const calls: Record<Role, () => Promise<unknown>> = {
        ingest: () => client.ingestion.ingestEvent({ event: { userId: "u", name: "n" } }),
        consumer: () => client.consumer.getConsumerLag({}),
        analytics: () => client.analytics.getAnalyticsSummary({}),
      };
      for (const other of roles.filter((one) => one !== role)) {
        const error = await calls[other]().catch((thrown: unknown) => thrown);
        expect(errorReason(error), other).toBe("ROLE_NOT_HERE");
      }
      expect(retries).toBe(0);
    } finally {
      await client.close();
    }
  });
});
