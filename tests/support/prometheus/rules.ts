/** The rules of deploy/prometheus, and which metrics a query names. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { repository } from "../process.ts";

export const prometheusFolder = join(repository, "deploy/prometheus");

export interface Rule {
  readonly kind: "record" | "alert";
  readonly name: string;
  readonly expr: string;
}

/** Every text of a folder of deploy/prometheus. */
export function textsOf(folder: "rules" | "tests"): string[] {
  const files = readdirSync(join(prometheusFolder, folder)).sort();
  return files.map((file) => readFileSync(join(prometheusFolder, folder, file), "utf8"));
}

/** As they stand in the files, whose form is fixed: a rule's name, then its expression on one line or folded. */
export function rules(): Rule[] {
  const rule = /^ {6}- (record|alert): (\S+)\n {8}expr: (?:>-\n((?: {10}.*\n)+)|(.*)\n)/gm;
  return textsOf("rules").flatMap((text) =>
    [...text.matchAll(rule)].map(([, kind, name, folded, line]) => ({
      kind: kind as Rule["kind"],
      name: name!,
      expr: (folded ?? line)!.trim(),
    })),
  );
}

/** Words of PromQL that are no metrics and have no parenthesis behind them. */
const words = new Set(["and", "or", "unless", "offset", "bool", "on", "by", "ignoring"]);

/** Names of the metrics that an expression asks for. */
export function metricsIn(expr: string): string[] {
  const bare = expr
    .replaceAll(/"[^"]*"/g, "")
    .replaceAll(/\{[^}]*\}/g, " ")
    .replaceAll(/\[[^\]]*\]/g, " ")
    .replaceAll(/\b(by|on|ignoring|group_left|group_right|without)\s*\([^)]*\)/g, " ")
    .replaceAll(/\boffset\s+\w+/g, " ");
  const names = [...bare.matchAll(/([a-zA-Z_:][\w:]*)\s*(\(?)/g)].flatMap(([, name, call]) =>
    call ? [] : [name!],
  );
  return [...new Set(names)].filter((name) => !words.has(name));
}
