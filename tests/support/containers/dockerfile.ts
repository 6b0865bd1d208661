/** deploy/Dockerfile, read as a file. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../process.ts";

export interface Stage {
  readonly from: string;
  /** Absent: the one that becomes the image. */
  readonly name?: string;
  readonly instructions: readonly { readonly keyword: string; readonly text: string }[];
}

export interface Copy {
  /** The stage that it comes from; absent: the repository. */
  readonly from?: string;
  readonly sources: readonly string[];
  readonly target: string;
}

export const stages: readonly Stage[] = readStages();
export const imageStage = stages.at(-1)!;

function readStages(): Stage[] {
  const lines = readFileSync(join(repository, "deploy/Dockerfile"), "utf8")
    .replace(/^#.*\n/gm, "")
    .replace(/\\\n\s*/g, "")
    .split("\n")
    .filter((line) => line !== "");
  const found: (Stage & { readonly instructions: { keyword: string; text: string }[] })[] = [];
  for (const line of lines) {
    const [, keyword, text = ""] = /^([A-Z]+) (.+)$/.exec(line) ?? [];
    if (keyword === undefined) throw new Error(`this is no instruction: ${line}`);
    if (keyword === "FROM") {
      const [from, , name] = text.split(" ");
      found.push({ from: from!, ...(name ? { name } : {}), instructions: [] });
    } else found.at(-1)!.instructions.push({ keyword, text });
  }
  return found;
}

/** What stands behind each instruction of that kind. */
export function textsOf(keyword: string, { instructions }: Stage = imageStage): string[] {
  return instructions.filter((one) => one.keyword === keyword).map(({ text }) => text);
}

/** The words of the image's one instruction of that kind. @throws where it is not in exec form */
export function execForm(keyword: string): [string, ...string[]] {
  const [text = ""] = textsOf(keyword);
  return JSON.parse(text.replace(/^[^[]* (?=\[)/, ""));
}

export function imageEnvironment(): Record<string, string> {
  const pairs = textsOf("ENV").flatMap((text) => text.split(" "));
  return Object.fromEntries(pairs.map((pair) => pair.split("=", 2) as [string, string]));
}

export function copiesOf(stage: Stage): Copy[] {
  return textsOf("COPY", stage).map((text) => {
    const [, from, paths = ""] = /^(?:--from=(\S+) )?(.+)$/.exec(text) ?? [];
    const words = paths.split(" ");
    return { ...(from ? { from } : {}), sources: words.slice(0, -1), target: words.at(-1)! };
  });
}
