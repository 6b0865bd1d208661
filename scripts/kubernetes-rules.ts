/**
 * The rules and alerts of deploy/prometheus/rules as the Prometheus Operator takes them, in deploy/kubernetes/monitoring.
 * Run directly, this writes the file; --check fails while it is stale.
 */
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const repository = fileURLToPath(new URL("../", import.meta.url));
const rules = join(repository, "deploy/prometheus/rules");

/** From the repository. */
export const rulesFile = "deploy/kubernetes/monitoring/rules.yaml";

const head = `# Made of deploy/prometheus/rules by \`node scripts/kubernetes-rules.ts\`: change those.
apiVersion: monitoring.coreos.com/v1
kind: PrometheusRule
metadata:
  name: weir
spec:
  groups:
`;

/** What the file should say. */
export function rulesText(): string {
  const files = readdirSync(rules).sort();
  return head + files.map((file) => groupsOf(readFileSync(join(rules, file), "utf8"))).join("");
}

/** The groups as they stand, one level deeper. */
function groupsOf(text: string): string {
  const [, groups] = text.split(/^groups:\n/m);
  return groups!.replace(/^(?=.)/gm, "  ");
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  const file = join(repository, rulesFile);
  if (!process.argv.includes("--check")) writeFileSync(file, rulesText());
  else if (readFileSync(file, "utf8") !== rulesText()) {
    console.error(`${rulesFile} is stale: run node scripts/kubernetes-rules.ts`);
    process.exit(1);
  }
}
