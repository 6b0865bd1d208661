/** What deploy/kubernetes/monitoring tells the Prometheus Operator, beside either overlay. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, it } from "vitest";
import { parse } from "yaml";
import { rulesFile, rulesText } from "../../scripts/kubernetes-rules.ts";
import { type Built, buildManifests, ofKind, selects, serversOf } from "../support/kubernetes.ts";
import { repository } from "../support/process.ts";

let monitoring: Built;

beforeAll(async () => {
  // Both kinds are held to the Operator's own types as they are built.
  monitoring = await buildManifests("monitoring");
});

const namesOf = (group: { rules: { alert?: string; record?: string }[] }) =>
  group.rules.map(({ alert, record }) => alert ?? record);

it("has every rule and alert of deploy/prometheus, as they stand there", () => {
  const text = readFileSync(join(repository, rulesFile), "utf8");
  expect(text).toBe(rulesText());
  const folder = join(repository, "deploy/prometheus/rules");
  const files = readdirSync(folder).sort();
  const groups = files.flatMap((file) => parse(readFileSync(join(folder, file), "utf8")).groups);
  expect(groups.length).toBeGreaterThan(1);
  expect(parse(text).spec.groups).toEqual(groups);
  const built = ofKind(monitoring.resources, "PrometheusRule").flatMap(({ spec }) => spec.groups);
  expect(built.map(namesOf)).toEqual(groups.map(namesOf));
});

describe.each(["embedded", "distributed"])("beside %s", (overlay) => {
  it("asks each process for its figures once, as the job that the rules are about", async () => {
    const { resources } = await buildManifests(overlay);
    const [{ spec, metadata }] = ofKind(monitoring.resources, "ServiceMonitor");
    const asked = ofKind(resources, "Service").filter(
      (service) =>
        Object.entries(spec.selector.matchLabels).every(
          ([key, value]) => service.metadata.labels[key] === value,
        ) && service.spec.ports.some(({ name }: { name: string }) => name === spec.endpoints[0].port),
    );
    for (const { metadata: service } of asked) {
      expect(service.namespace).toBe(metadata.namespace);
      expect(service.labels[spec.jobLabel]).toBe("weir");
    }
    for (const server of serversOf(resources)) {
      const by = asked.filter((service) => selects(service.spec.selector, server));
      expect(by, server.metadata.name).toHaveLength(1);
    }
  });
});
