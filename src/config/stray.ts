/** Environment variables that look like settings and are none: read by nobody, and so most likely misspelt. */
import { settings, variableOf } from "./settings.ts";

export interface StrayVariable {
  readonly variable: string;
  /** The setting's variable that it most likely stands for; absent where none is near. */
  readonly nearest?: string;
}

const known = Object.values(settings).map(variableOf);

/** What the commands that speak to a server read, and what bin/weir.js tells the Node that it starts. */
const read = new Set([...known, "WEIR_URL", "WEIR_API_KEY", "WEIR_STARTED_BY"]);

/** What Kubernetes sets in every pod beside a service that is named weir. */
function isOfKubernetes(name: string, value: string): boolean {
  return (
    /^WEIR_SERVICE_(HOST|PORT)/.test(name) || /^WEIR_PORT_\d/.test(name) || /^(tcp|udp):\/\//.test(value)
  );
}

export function strayVariables(env: NodeJS.ProcessEnv): StrayVariable[] {
  return Object.entries(env).flatMap(([variable, value = ""]) => {
    if (!variable.startsWith("WEIR_") || read.has(variable) || isOfKubernetes(variable, value)) return [];
    const mostEdits = Math.min(3, Math.ceil((variable.length - "WEIR_".length) / 4));
    const [nearest] = known
      .map((name) => ({ name, edits: editsBetween(variable, name) }))
      .filter(({ edits }) => edits <= mostEdits)
      .sort((a, b) => a.edits - b.edits);
    return [{ variable, ...(nearest === undefined ? {} : { nearest: nearest.name }) }];
  });
}

/** Levenshtein's distance: characters to insert, delete or replace. */
function editsBetween(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = row[j - 1]! + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, row[j]! + 1, next[j - 1]! + 1));
    }
    row = next;
  }
  return row[b.length]!;
}
