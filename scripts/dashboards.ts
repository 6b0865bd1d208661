/**
 * Grafana's dashboards, from their descriptions beside this file to deploy/grafana/dashboards. Run directly, this writes
 * them; a test fails while one is stale.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { kafka } from "./dashboards/kafka.ts";
import { type Dashboard, toGrafana } from "./dashboards/panels.ts";
import { realTime } from "./dashboards/real-time.ts";
import { serviceHealth } from "./dashboards/service-health.ts";

export const dashboards: readonly Dashboard[] = [realTime, serviceHealth, kafka];

const folder = fileURLToPath(new URL("../deploy/grafana/dashboards/", import.meta.url));

/** Files that differ from what their description says, with the text that they should have. */
export function staleDashboards(): { file: string; text: string }[] {
  return dashboards.flatMap((dashboard) => {
    const file = `${folder}${dashboard.uid}.json`;
    const text = `${JSON.stringify(toGrafana(dashboard), null, 2)}\n`;
    return existsSync(file) && readFileSync(file, "utf8") === text ? [] : [{ file, text }];
  });
}

if (process.argv[1] === fileURLToPath(import.meta.url)) {
  for (const { file, text } of staleDashboards()) writeFileSync(file, text);
}
