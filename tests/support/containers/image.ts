/** The image's folder of the program, without a container engine. */
import { cpSync, mkdirSync, readFileSync, statSync, symlinkSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { runCommand } from "../command.ts";
import { repository } from "../process.ts";
import { copiesOf, type Stage, stages, textsOf } from "./dockerfile.ts";

/** Of every stage. */
const workFolder = "/weir";
const buildDeadlineMs = 180_000;

/**
 * Makes it as deploy/Dockerfile does, stage by stage, from what each copies and from nothing else. Packages are not
 * installed but linked: all of them where all are installed, else those that the program depends on.
 *
 * @param directory where the stages are made
 * @returns the folder
 */
export async function makeImage(directory: string): Promise<string> {
  const folderOf = (name = "image") => join(directory, name);
  for (const stage of stages) {
    const folder = folderOf(stage.name);
    mkdirSync(folder);
    for (const { from, sources, target } of copiesOf(stage)) {
      for (const source of sources) {
        const path =
          from === undefined ? join(repository, source) : join(folderOf(from), relative(workFolder, source));
        copy(path, join(folder, target, target.endsWith("/") ? basename(source) : ""));
      }
    }
    await install(stage, folder);
  }
  return folderOf();
}

function copy(from: string, to: string): void {
  mkdirSync(dirname(to), { recursive: true });
  cpSync(from, to, { recursive: true, verbatimSymlinks: statSync(from).isDirectory() });
}

/** Packages, and what is run with all of them. */
async function install(stage: Stage, folder: string): Promise<void> {
  for (const command of textsOf("RUN", stage)) {
    if (command.includes("npm ci --omit=dev")) linkDependencies(folder);
    else if (command.includes("npm ci"))
      symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"));
    else if (command.startsWith("npm run")) {
      const run = await runCommand("sh", ["-c", `cd ${folder} && ${command}`], {
        deadlineMs: buildDeadlineMs,
      });
      if (run.code !== 0) throw new Error(`${command}: ${run.stdout}${run.stderr}`);
    }
  }
}

/** Of the packages at the top, which alone the program itself sees, those that are not only there to build and test it. */
function linkDependencies(folder: string): void {
  const { packages } = JSON.parse(readFileSync(join(repository, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean }>;
  };
  for (const [path, { dev }] of Object.entries(packages)) {
    if (dev || !/^node_modules\/(@[^/]+\/)?[^/]+$/.test(path)) continue;
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    symlinkSync(join(repository, path), join(folder, path));
  }
}
