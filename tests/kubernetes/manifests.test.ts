/** deploy/kubernetes against Kubernetes' schemas, and against the program itself. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { settings, variableOf } from "../../src/config/settings.ts";
import { restBindings } from "../../src/contract/bindings.ts";
import { contractServices } from "../../src/contract/registry.ts";
import { roles } from "../../src/domain/roles.ts";
import {
  type Built,
  buildManifests,
  configOf,
  containersOf,
  environmentOf,
  ofKind,
  podOf,
  selects,
  serversOf,
  validate,
} from "../support/kubernetes.ts";
import { repository } from "../support/process.ts";

const overlays = ["embedded", "distributed"] as const;
const built = {} as Record<(typeof overlays)[number], Built>;

beforeAll(async () => {
  for (const overlay of overlays) built[overlay] = await buildManifests(overlay);
});

const variables = new Set(Object.values(settings).map(variableOf));
/** How long a stop may take, in seconds. */
const longestStop = settings.shutdownTimeoutMs.default / 1000 + 5;

describe.each(overlays)("%s", (overlay) => {
  it("is what Kubernetes takes, whole", async () => {
    const lines = await validate(built[overlay].text);
    expect(lines.length).toBeGreaterThanOrEqual(built[overlay].resources.length);
    // Those kinds were held to their own projects' types as the manifests were built.
    const others = /Couldn't find schema for kind (Gateway|HTTPRoute) /;
    expect(lines.filter((line) => !line.includes(" passed for resource ") && !others.test(line))).toEqual([]);
  });

  it("tells the program nothing but settings, of which it makes a configuration", () => {
    const { resources } = built[overlay];
    for (const resource of resources.filter((one) => podOf(one) !== undefined)) {
      const names = Object.keys(environmentOf(resource, resources)).filter((name) =>
        name.startsWith("WEIR_"),
      );
      for (const name of names) expect(variables, `${resource.metadata.name}: ${name}`).toContain(name);
    }
    const servers = serversOf(resources);
    expect(servers.length).toBeGreaterThan(0);
    for (const server of servers) {
      const config = configOf(server, resources);
      const [container] = containersOf(server);
      const ports = Object.fromEntries(container.ports.map((port: { name: string }) => [port.name, port]));
      expect(config.listen).toEqual([`0.0.0.0:${ports.api.containerPort}`]);
      expect(config.metricsListen).toEqual([`0.0.0.0:${ports.metrics.containerPort}`]);
    }
  });

  it("runs without rights, writes nowhere but where a volume is, and is given the time that a stop takes", () => {
    for (const resource of built[overlay].resources.filter((one) => podOf(one) !== undefined)) {
      const pod = podOf(resource);
      expect(pod).toMatchObject({
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        securityContext: { runAsNonRoot: true, seccompProfile: { type: "RuntimeDefault" } },
      });
      const [container] = containersOf(resource);
      expect(container.securityContext).toEqual({
        allowPrivilegeEscalation: false,
        readOnlyRootFilesystem: true,
        capabilities: { drop: ["ALL"] },
      });
      expect(container.resources).toMatchObject({ requests: {}, limits: {} });
      if (container.args[0] !== "serve") continue;
      const pause = container.lifecycle?.preStop?.sleep?.seconds ?? 0;
      expect(pod.terminationGracePeriodSeconds).toBeGreaterThanOrEqual(pause + longestStop);
    }
  });

  it("is asked by gRPC whether it is ready, and at an open page whether it lives, where callers take no room", () => {
    const servers = serversOf(built[overlay].resources).flatMap(containersOf);
    for (const { startupProbe, readinessProbe, livenessProbe, ports } of servers) {
      for (const probe of [startupProbe, readinessProbe]) expect(probe.grpc).toEqual({ port: 8080 });
      expect(livenessProbe.httpGet).toEqual({ path: "/", port: "metrics" });
      expect(ports.map(({ name }: { name: string }) => name)).toEqual(["api", "metrics"]);
    }
  });

  it("has services that lead to pods", () => {
    const { resources } = built[overlay];
    const pods = serversOf(resources);
    for (const { spec, metadata } of ofKind(resources, "Service")) {
      const selected = pods.filter((pod) => selects(spec.selector, pod));
      expect(selected, metadata.name).toHaveLength(1);
    }
  });
});

describe("embedded", () => {
  it("names its pod by a service without an address of its own, which asks for no figures", () => {
    const { resources } = built.embedded;
    const [set] = ofKind(resources, "StatefulSet");
    const service = ofKind(resources, "Service").find(
      ({ metadata }) => metadata.name === set.spec.serviceName,
    );
    expect(service.spec).toMatchObject({ clusterIP: "None", ports: [{ name: "api" }] });
  });
});

describe("distributed", () => {
  it("has every role, each with its budget, its spread and an autoscaler", () => {
    const { resources } = built.distributed;
    const names = roles.map((role) => `weir-${role}`);
    for (const kind of ["Deployment", "Service", "HorizontalPodAutoscaler", "PodDisruptionBudget"]) {
      const found = ofKind(resources, kind).map(({ metadata }) => metadata.name);
      expect(found.sort(), kind).toEqual([...names].sort());
    }
    for (const { spec, metadata } of ofKind(resources, "HorizontalPodAutoscaler")) {
      expect(spec.scaleTargetRef).toMatchObject({ kind: "Deployment", name: metadata.name });
      expect(spec.minReplicas).toBeGreaterThanOrEqual(2);
    }
    for (const { spec, metadata } of ofKind(resources, "PodDisruptionBudget")) {
      const held = resources.filter(
        (one) => podOf(one) !== undefined && selects(spec.selector?.matchLabels, one),
      );
      expect(
        held.map((one) => `${one.kind} ${one.metadata.name}`),
        metadata.name,
      ).toEqual([`Deployment ${metadata.name}`]);
    }
    for (const deployment of ofKind(resources, "Deployment")) {
      const { labels } = deployment.spec.template.metadata;
      for (const { labelSelector } of podOf(deployment).topologySpreadConstraints)
        expect(labels).toMatchObject(labelSelector.matchLabels);
      expect(deployment.spec.strategy.rollingUpdate.maxUnavailable).toBe(0);
    }
  });

  it("makes a log of three times as many partitions as there may be consumers", () => {
    const { resources } = built.distributed;
    const named = (kind: string) =>
      ofKind(resources, kind).find(({ metadata }) => metadata.name === "weir-consumer");
    const { partitions } = configOf(named("Deployment"), resources);
    expect(partitions).toBe(3 * named("HorizontalPodAutoscaler").spec.maxReplicas);
  });

  it("leads each service and each REST path to the role that has it", () => {
    const [route] = ofKind(built.distributed.resources, "HTTPRoute");
    const prefixes: [prefix: string, backend: string][] = route.spec.rules.flatMap(
      (rule: { matches: { path: { value: string } }[]; backendRefs: { name: string }[] }) =>
        rule.matches.map(({ path }) => [path.value, rule.backendRefs[0]!.name]),
    );
    // The longest prefix wins, by whole elements of the path.
    const backendOf = (path: string) =>
      prefixes
        .filter(
          ([prefix]) => prefix === "/" || path === prefix || path.startsWith(`${prefix.replace(/\/$/, "")}/`),
        )
        .sort(([a], [b]) => b.length - a.length)[0]![1];
    const homes: Record<string, string> = {
      EventIngestionService: "weir-ingest",
      ProducerService: "weir-ingest",
      ConsumerService: "weir-consumer",
    };
    // Dead letters need a store, and the rest of what every process serves may go there as well.
    const homeOf = (service: string) => homes[service] ?? "weir-analytics";
    for (const { typeName, name } of contractServices)
      expect(backendOf(`/${typeName}/Method`), typeName).toBe(homeOf(name));
    for (const { template, method } of restBindings(contractServices))
      expect(backendOf(template.source), template.source).toBe(homeOf(method.parent.name));
  });

  it("refers to resources that are there", () => {
    const { resources } = built.distributed;
    const services = new Set(ofKind(resources, "Service").map(({ metadata }) => metadata.name));
    const [route] = ofKind(resources, "HTTPRoute");
    for (const { backendRefs } of route.spec.rules)
      for (const { name, port } of backendRefs) {
        expect(services).toContain(name);
        expect(port).toBe(8080);
      }
    const [gateway] = ofKind(resources, "Gateway");
    expect(route.spec.parentRefs).toMatchObject([{ name: gateway.metadata.name }]);
    const accounts = ofKind(resources, "ServiceAccount").map(({ metadata }) => metadata.name);
    for (const resource of resources.filter((one) => podOf(one) !== undefined))
      expect(accounts).toContain(podOf(resource).serviceAccountName);
  });
});

it("is of this version", () => {
  const { version } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
  for (const overlay of overlays) {
    const text = readFileSync(join(repository, `deploy/kubernetes/${overlay}/kustomization.yaml`), "utf8");
    expect(parse(text).images).toEqual([{ name: "weir", newTag: version }]);
  }
});
