/** The commands of docs/ other than the README's, each as it stands there. */
import { existsSync, readdirSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { commandsOf, type DocumentedServer, documentOf, startDocumented } from "../support/documented.ts";
import { repository } from "../support/process.ts";

let server: DocumentedServer;

beforeAll(async () => {
  server = await startDocumented();
});
afterAll(() => server?.stop());

describe("docs/GRPC_QUICKSTART.md", () => {
  const answers: Record<string, (answer: unknown) => void> = {
    IngestEvent: (answer) => expect(answer).toMatchObject({ result: "INGEST_RESULT_ACCEPTED" }),
    IngestEvents: (answer) =>
      expect(answer).toMatchObject({ acceptedCount: 1, rejected: [{ index: 1, reason: "INVALID_EVENT" }] }),
  };

  test.each(commandsOf("docs/GRPC_QUICKSTART.md"))("%s", async (command) => {
    if (command.startsWith("grpcurl") && !server.grpcurl) return;
    const { code, stdout, stderr } = await server.run(command);
    const refused = command.includes('"name =="');
    expect(code === 0, `${stdout}${stderr}`).toBe(!refused);
    if (refused) expect(stderr).toContain("INVALID_FILTER");
    const method = /\/(\w+)$/.exec(command)?.[1] ?? "";
    if (method === "StreamEvents") expect(stdout).toContain('"acceptedCount": 1');
    answers[method]?.(JSON.parse(stdout));
  });
});

test.each(commandsOf("docs/OPERATIONS.md"))("docs/OPERATIONS.md: %s", async (command) => {
  await server.stdoutOf(command);
});

/** The table's rows: the old name, what is there for it. */
const rows = [...documentOf("docs/MIGRATING.md").matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map((match) => ({
  old: match[1]!,
  here: match[2]!,
  codes: [...match[2]!.matchAll(/`([^`]+)`/g)].map((code) => code[1]!),
}));

/** Everything of the old platform that had a name of its own. */
const oldNames = [
  ...["gateway 8080", "gRPC 50051", "gRPC 50052", "gRPC 50053", "Prometheus 9090", "Grafana 3000"],
  ...["/events", "/events/async", "/events/batch", "/health", "/ready", "/stats", "/metrics"].map(
    (path) => `producer 8081 ${path}`,
  ),
  ...["/health", "/ready", "/stats", "/lag", "/metrics"].map((path) => `consumer 8082 ${path}`),
  ...["/analytics/summary", "/health", "/metrics"].map((path) => `analytics 8083 ${path}`),
  ...["events_processed_total", "event_processing_duration_seconds", "kafka_consumer_lag_total"],
  ...["errors_total", "service_uptime_seconds"],
  ...["setup", "proto", "proto-tools", "test", "test-integration", "test-performance", "bench"].map(make),
  ...["test-services", "generate-data", "example", "build", "run", "stop", "clean", "logs"].map(make),
  ...["health", "ready", "lag", "urls", "create-topics", "list-topics", "kafka-console"].map(make),
];
function make(target: string): string {
  return `make ${target}`;
}

describe("docs/MIGRATING.md", () => {
  test("has a place for everything that had a name", () => {
    expect(rows.map(({ old }) => old).sort()).toEqual([...oldNames].sort());
  });

  test.each(rows)("$old", async ({ old, here, codes }) => {
    const called = codes.filter((code) => /^(curl|grpcurl) /.test(code));
    for (const command of called) {
      if (command.startsWith("grpcurl") && !server.grpcurl) continue;
      const answer = await server.stdoutOf(command.replace("curl -s ", "curl -sS --fail-with-body "));
      if (command.endsWith("/metrics") && !old.includes(" ")) expect(answer).toContain(`# TYPE ${old} `);
    }
    const run = codes.filter((code) => code.startsWith("npm "));
    for (const command of run) await tryScript(command);
    const paths = codes.filter((code) => code.startsWith("deploy/"));
    for (const path of paths) expect(existsSync(join(repository, path)), path).toBe(true);
    const otherwise = /Ctrl-C|standard output|kafka-console-consumer/.test(here);
    expect(called.length + run.length + paths.length > 0 || otherwise, "something is there to try").toBe(
      true,
    );
  });

  /** Those that are harmless are run; what tests, builds, installs or removes is looked up. */
  async function tryScript(command: string): Promise<void> {
    const { scripts } = JSON.parse(documentOf("package.json")) as { scripts: Record<string, string> };
    const [, name = "", ...rest] = /^npm (?:run )?(?:--silent )?([\w:-]+)(.*)$/.exec(command)!;
    if (name === "ci") return;
    expect(scripts, command).toHaveProperty([name]);
    // Over a broker of their own: tests/kafka.
    if (rest.join("").includes("topics")) return;
    if (["weir", "example", "health", "ready", "lag", "urls"].includes(name)) await server.stdoutOf(command);
  }
});

test("links of every document lead to files that are there", () => {
  const documents = ["CONTRIBUTING.md", "CHANGELOG.md"].concat(
    readdirSync(join(repository, "docs")).map((name) => `docs/${name}`),
  );
  for (const document of documents) {
    const links = [...documentOf(document).matchAll(/\]\(([^)#\s]+)/g)].map((match) => match[1]!);
    for (const link of links.filter((to) => !/^https?:/.test(to))) {
      expect(existsSync(join(repository, dirname(document), link)), `${document}: ${link}`).toBe(true);
    }
  }
});
