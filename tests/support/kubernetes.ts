/** The manifests of deploy/kubernetes as `kubectl apply -k` sends them. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseAllDocuments } from "yaml";
import { runCommand } from "./command.ts";
import { kubernetesVersion, kustomizeProgram, validatorPackages } from "./kubernetes/programs.ts";

// biome-ignore lint/suspicious/noExplicitAny: of any kind; the schemas say which
export type Resource = any;

export interface Built {
  readonly text: string;
  readonly resources: readonly Resource[];
}

/** @param overlay folder in deploy/kubernetes */
export async function buildManifests(overlay: string): Promise<Built> {
  const { code, stdout, stderr } = await runCommand(await kustomizeProgram(), [
    `deploy/kubernetes/${overlay}`,
  ]);
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
