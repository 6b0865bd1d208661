/** What builds and checks the manifests: kustomize's own library, built by Go, and Kubernetes' schemas, from PyPI. */
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { fetched, isCommand, isFetched } from "../fetched.ts";
import { repository } from "../process.ts";

const kustomize = "kustomize-0.21.2";
const schemas = "kubernetes-validate-1.37.0";
/** A minute where both cores are free, once. */
const buildDeadlineMs = 900_000;

/** Version of Kubernetes whose schemas the manifests are held to. */
export const kubernetesVersion = "1.37";

/** Whether tests of manifests are left out, because this machine has no Go or no Python, which is said; never with CI=true. */
export function withoutKubernetes(): boolean {
  if (process.env.CI === "true") return false;
  const needed = [...(isFetched(kustomize) ? [] : ["go"]), "python3"];
  const absent = needed.find((command) => !isCommand(command));
  if (absent === undefined) return false;
  console.log(`left out: tests of the manifests for Kubernetes, because ${absent} is not there`);
  return true;
}

/** Path of the program that builds a kustomization, and holds what Kubernetes does not define to its own types. */
export async function kustomizeProgram(): Promise<string> {
  const folder = await fetched(kustomize, async (made) => {
    const sources = join(repository, "tests/support/kubernetes");
    const args = ["build", "-C", sources, "-ldflags=-s -w", "-o", join(made, "kustomize"), "."];
    const { code, stdout, stderr } = await runCommand("go", args, { deadlineMs: buildDeadlineMs });
    if (code !== 0) throw new Error(`kustomize could not be built:\n${stdout}${stderr}`);
  });
  return join(folder, "kustomize");
}

/** Folder of the validator's Python packages (120 MB), most of which are the schemas. */
export function validatorPackages(): Promise<string> {
  return fetched(schemas, async (folder) => {
    const args = ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--target", folder];
    const options = { deadlineMs: buildDeadlineMs };
    const { code, stderr } = await runCommand(
      "python3",
      [...args, schemas.replace(/-(?=\d)/, "==")],
      options,
    );
    if (code !== 0) throw new Error(`pip could not fetch the validator:\n${stderr}`);
  });
}

/** Before the tests of the project, whose deadlines are shorter. */
export default async function prepare(): Promise<void> {
  await kustomizeProgram();
  await validatorPackages();
}
