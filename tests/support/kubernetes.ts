/** The manifests of deploy/kubernetes as `kubectl apply -k` sends them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { type Config, readConfig } from "../../src/config/config.ts";
import { runCommand } from "./command.ts";
import { imageEnvironment } from "./containers/dockerfile.ts";
import { kubernetesVersion, kustomizeProgram, validatorPackages } from "./kubernetes/programs.ts";

// biome-ignore lint/suspicious/noExplicitAny: of any kind; the schemas say which
export type Resource = any;

export interface Built {
  readonly text: string;
  readonly resources: readonly Resource[];
}

/** @param overlay folder in deploy/kubernetes */
export function buildManifests(overlay: string): Promise<Built> {
  return buildFolder(`deploy/kubernetes/${overlay}`);
}

/** @param folder of a kustomization, from the repository */
export async function buildFolder(folder: string): Promise<Built> {
  const { code, stdout, stderr } = await runCommand(await kustomizeProgram(), [folder]);
  if (code !== 0) throw new Error(stderr);
  const resources = parseAllDocuments(stdout).map((document) => document.toJS() as Resource);
  return { text: stdout, resources };
}

/** @returns a line for each resource, `passed`, `Couldn't find schema` or what is wrong with it */
export async function validate(text: string): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "weir-manifests-"));
  const file = join(folder, "manifests.yaml");
  writeFileSync(file, text);
  const args = ["-m", "kubernetes_validate", "--strict", "-k", kubernetesVersion, file];
  const env = { PYTHONPATH: await validatorPackages() };
  const { stdout, stderr } = await runCommand("python3", args, { env });
  rmSync(folder, { recursive: true });
  return `${stdout}${stderr}`.trim().split("\n");
}

export const podOf = (resource: Resource): Resource => resource.spec?.template?.spec;
export const containersOf = (resource: Resource): Resource[] => podOf(resource)?.containers ?? [];
export const ofKind = (resources: readonly Resource[], kind: string): Resource[] =>
  resources.filter((resource) => resource.kind === kind);

/** Whether labels choose the pods that a resource makes. A selector that is absent chooses none, as with budgets. */
export function selects(labels: Record<string, string> | undefined, resource: Resource): boolean {
  const own: Record<string, string> = resource.spec.template.metadata.labels;
  return labels !== undefined && Object.entries(labels).every(([key, value]) => own[key] === value);
}

/** What stands for each secret. */
const secret = "a-platform-key-of-the-tests";

/** The variables that a resource's container is started with, the image's own among them. */
export function environmentOf(resource: Resource, resources: readonly Resource[]): Record<string, string> {
  const maps = new Map(ofKind(resources, "ConfigMap").map((map) => [map.metadata.name, map.data]));
  const [container] = containersOf(resource);
  const env: Record<string, string> = { ...imageEnvironment() };
  for (const { configMapRef } of container.envFrom ?? []) Object.assign(env, maps.get(configMapRef.name));
  for (const { name, value, valueFrom } of container.env ?? []) {
    if (value !== undefined) env[name] = value;
    const path = /^metadata\.labels\['(.+)'\]$/.exec(valueFrom?.fieldRef?.fieldPath ?? "")?.[1];
    if (path !== undefined) env[name] = resource.spec.template.metadata.labels[path];
    const key = valueFrom?.secretKeyRef;
    if (key !== undefined && key.optional !== true) env[name] = secret;
  }
  return env;
}

/** Resources whose pods serve. */
export const serversOf = (resources: readonly Resource[]): Resource[] =>
  resources.filter((resource) => containersOf(resource)[0]?.args[0] === "serve");

/** What the program makes of a server's arguments and variables. */
export function configOf(server: Resource, resources: readonly Resource[]): Config {
  const [, ...args] = containersOf(server)[0].args;
  return readConfig(args, environmentOf(server, resources));
}
