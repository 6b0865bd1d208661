/** Where the manifests let processes go, and who may reach them. */
import { beforeAll, expect, it } from "vitest";
import { lettingOut, targetsOf } from "../support/kubernetes/network.ts";
import { type Built, buildManifests, configOf, ofKind, serversOf } from "../support/kubernetes.ts";

let built: Built;

beforeAll(async () => {
  built = await buildManifests("distributed");
});

it("lets processes out to the brokers and the ClickHouse of their settings, and to nothing else", () => {
  const { resources } = built;
  const targets = new Set(serversOf(resources).flatMap((server) => targetsOf(configOf(server, resources))));
  expect(targets.size).toBe(2);
  for (const target of targets) expect(lettingOut(resources, target), target).toHaveLength(1);
  const [policy] = ofKind(resources, "NetworkPolicy");
  const names = ({ ports }: { ports: { port: number }[] }) => ports.some(({ port }) => port === 53);
  expect(policy.spec.egress.filter((rule: { ports: { port: number }[] }) => !names(rule))).toHaveLength(2);
});

it("lets calls in from everywhere, and those for figures from the monitoring alone", () => {
  const [policy] = ofKind(built.resources, "NetworkPolicy");
  expect(policy.spec.podSelector).toEqual({});
  const monitoring = { matchLabels: { "kubernetes.io/metadata.name": "monitoring" } };
  expect(policy.spec.ingress).toEqual([
    { ports: [{ port: 8080 }] },
    { from: [{ namespaceSelector: monitoring }], ports: [{ port: 9464 }] },
  ]);
});
