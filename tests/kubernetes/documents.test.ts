/** docs/KUBERNETES.md: its kustomization is built, its names are those of the manifests, its first event is sent. */
import { cpSync, existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { runCommand } from "../support/command.ts";
import { commandsOf, documentOf } from "../support/documented.ts";
import { lettingOut, targetsOf } from "../support/kubernetes/network.ts";
import {
  type Built,
  buildFolder,
  buildManifests,
  configOf,
  containersOf,
  ofKind,
  serversOf,
  validate,
} from "../support/kubernetes.ts";
import { repository } from "../support/process.ts";
import { startServer } from "../support/server.ts";

const document = "docs/KUBERNETES.md";
const commands = commandsOf(document, "bash");
const samples = [...documentOf(document).matchAll(/```yaml\n([\s\S]*?)```/g)].map((block) => block[1]!);

const folder = mkdtempSync(join(tmpdir(), "weir-kubernetes-"));
afterAll(() => rmSync(folder, { recursive: true }));

describe("a kustomization of one's own", () => {
  let own: Built;

  beforeAll(async () => {
    cpSync(join(repository, "deploy/kubernetes"), join(folder, "weir/deploy/kubernetes"), {
      recursive: true,
    });
    for (const block of samples) {
      const file = join(folder, /^# ([\w./-]+\.yaml)/.exec(block)![1]!);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, block);
    }
    own = await buildFolder(join(folder, "installation"));
  });

  it("is what Kubernetes takes, with its own image, settings and host", async () => {
    const others = /Couldn't find schema for kind (Gateway|HTTPRoute) /;
    const wrong = (line: string) => !line.includes(" passed for resource ") && !others.test(line);
    expect((await validate(own.text)).filter(wrong)).toEqual([]);
    for (const { image } of own.resources.flatMap(containersOf))
      expect(image).toMatch(/^registry\.example\.com\/weir:\d/);
    const [gateway] = ofKind(own.resources, "Gateway");
    const [route] = ofKind(own.resources, "HTTPRoute");
    expect(gateway.spec.gatewayClassName).toBe("istio");
    expect(route.spec.hostnames).toEqual(["events.example.com"]);
    expect(gateway.spec.listeners.map(({ hostname }: { hostname: string }) => hostname)).toEqual(
      route.spec.hostnames,
    );
  });

  it("lets processes out to wherever its settings send them", () => {
    const servers = serversOf(own.resources);
    expect(servers.length).toBeGreaterThan(0);
    for (const server of servers) {
      const config = configOf(server, own.resources);
      const { otlpEndpoint, jwtKeys } = config;
      const collector = new URL(otlpEndpoint).host;
      const targets = [...targetsOf(config), collector, `${new URL(jwtKeys).hostname}:443`];
      expect(targets).toHaveLength(5);
      for (const target of targets) expect(lettingOut(own.resources, target), target).toHaveLength(1);
    }
  });
});

it("names what is there", async () => {
  const built = await Promise.all(["embedded", "distributed"].map(buildManifests));
  const resources = built.flatMap((one) => one.resources);
  const there = resources.map(({ kind, metadata }) => `${kind.toLowerCase()}/${metadata.name}`);
  const names = /\b(?:statefulset|deployment|service|job)\/[\w-]+/g;
  const named = commands.flatMap((line) => line.match(names) ?? []);
  expect(named.length).toBeGreaterThan(5);
  for (const name of named) expect(there).toContain(name);
  const applied = commands.flatMap((line) => line.match(/(?<=apply -k )\S+/g) ?? []);
  for (const path of applied)
    expect(existsSync(join(repository, path, "kustomization.yaml")), path).toBe(true);
});

it("chooses the jobs and their settings for the first step of an upgrade", async () => {
  const { resources } = await buildManifests("distributed");
  const line = commands.find((command) => command.includes(" -l "))!;
  const [, label, values] = /-l '(\S+) in \((.+)\)'/.exec(line)!;
  const chosen = resources.filter(({ metadata }) => values!.split(", ").includes(metadata.labels?.[label!]));
  expect(chosen.map(({ kind }) => kind).sort()).toEqual(["ConfigMap", "Job", "Job"]);
});

it("sends a first event, by a key that the bootstrap key made", async () => {
  const WEIR_BOOTSTRAP_KEY = "a-platform-key-of-the-documents";
  const server = await startServer({ args: ["--auth", "required"], env: { WEIR_BOOTSTRAP_KEY } });
  const run = async (command: string) => {
    const here = command
      .replace(/^kubectl -n weir exec \S+ -- /, "")
      .replaceAll("app.key", join(folder, "app.key"))
      .replaceAll("http://127.0.0.1:8080", server.url);
    // As a container has it.
    const env = { WEIR_BOOTSTRAP_KEY, WEIR_URL: server.url };
    const { code, stdout, stderr } = await runCommand("bash", ["-c", here], { env });
    expect(code, `${command}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  try {
    const makers = commands.filter((command) => command.includes(" exec "));
    expect(makers).toHaveLength(2);
    for (const maker of makers) await run(maker);
    const [send, ask] = commands.filter((command) => command.startsWith("curl "));
    expect(JSON.parse(await run(send!))).toMatchObject({ success: true });
    await vi.waitFor(async () => expect(JSON.parse(await run(ask!))).toMatchObject({ total_events: "1" }), {
      timeout: 60_000,
      interval: 100,
    });
  } finally {
    await server.stop();
  }
});
