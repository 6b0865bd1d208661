/** The commands of docs/ other than the README's, each as it stands there. */
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { create, toBinary } from "@bufbuild/protobuf";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { RecordSchema } from "../../gen/analytics/v1/record_pb.js";
import { runCommand } from "../support/command.ts";
import { compose } from "../support/containers/compose.ts";
import { commandsOf, type DocumentedServer, documentOf, startDocumented } from "../support/documented.ts";
import { playedWhole } from "../support/played.ts";
import { repository, runToEnd } from "../support/process.ts";
import { startServer } from "../support/server.ts";

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

describe.each([...playedWhole])("%s", (document) => {
  test.each(commandsOf(document))("%s", async (command) => {
    const answer = await server.stdoutOf(command.replace(/^curl (-s )?/, "curl -sS --fail-with-body "));
    if (command.startsWith("curl ")) JSON.parse(answer);
  });
});

test.each(commandsOf("docs/OPERATIONS.md", "bash").filter((command) => command.startsWith("weir ")))(
  "docs/OPERATIONS.md: %s",
  async (command) => {
    // From this server to itself, which has all of it already.
    const here = command.replace(/^weir/, "node bin/weir.js").replace(/(old|new):8080/, "127.0.0.1:8080");
    await server.stdoutOf(`OLD_KEY=unasked NEW_KEY=unasked; ${here}`);
  },
);

test.each(commandsOf("docs/DISTRIBUTED.md").filter((command) => command.includes("buf convert")))(
  "docs/DISTRIBUTED.md: %s",
  async (command) => {
    const event = { id: "shown", userId: "u", name: "sign_up" };
    const record = create(RecordSchema, { project: "shop", event });
    writeFileSync(server.file("value.binpb"), toBinary(RecordSchema, record));
    await runToEnd("scripts/proto-deps.ts", []);
    expect(JSON.parse(await server.stdoutOf(command))).toMatchObject({ project: "shop", event });
  },
);

/** The table's rows: the old name, and the code that is there for it. */
const rows = [...documentOf("docs/MIGRATING.md").matchAll(/^\| `([^`]+)` \|(.*)\|$/gm)].map((match) => ({
  old: match[1]!,
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

/** Which file runs it, and by which words of its. */
const elsewhereRun: Record<string, { file: string; by: string }> = {
  topics: { file: "tests/kafka/migrating.test.ts", by: "docs/MIGRATING.md" },
  start: { file: "tests/support/documented.ts", by: '"start"' },
  build: { file: "tests/e2e/package.test.ts", by: '["run", "build"]' },
  clean: { file: "tests/e2e/documents.test.ts", by: "npm run clean" },
  proto: { file: "scripts/check-proto.ts", by: "generate" },
};

/** What no test runs, and why. */
const unplayed: Record<string, string> = {
  test: "is this very run",
  "test:kafka": "is a part of it",
  "test:clickhouse": "is a part of it",
  bench: "wants minutes of a machine of its own",
  "bench:kafka": "wants minutes of a machine of its own",
};

describe("docs/MIGRATING.md", () => {
  test("has a place for everything that had a name", () => {
    expect(rows.map(({ old }) => old).sort()).toEqual([...oldNames].sort());
  });

  test.each(rows)("$old", async ({ old, codes }) => {
    let tried = 0;
    for (const code of codes) if (await tryCode(code, old)) tried++;
    expect(tried > 0 || old === "make stop", "something is there to try").toBe(true);
  });

  test("Ctrl-C and SIGTERM end a server, whose log is a line of JSON each", async () => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      const other = await startServer();
      process.kill(other.pid, signal);
      expect(await other.exited).toBe(0);
      const lines = other.log().trimEnd().split("\n");
      expect(lines.length).toBeGreaterThan(1);
      for (const line of lines) expect(JSON.parse(line)).toHaveProperty("msg");
      await other.stop();
    }
  });

  test("what cleans removes what is made, and data only where it is told to", async () => {
    const directory = mkdtempSync(join(tmpdir(), "weir-clean-"));
    const made = ["dist", "data"].map((name) => join(directory, name));
    for (const path of ["package.json", "scripts/clean.ts"])
      cpSync(join(repository, path), join(directory, path));
    for (const path of made) mkdirSync(path);
    const left = [];
    for (const command of ["npm run clean", "npm run clean -- --data"]) {
      expect(rows.flatMap(({ codes }) => codes)).toContain(command);
      const { code, stderr } = await runCommand("bash", ["-c", command], { cwd: directory });
      expect(code, stderr).toBe(0);
      left.push(made.filter((path) => existsSync(path)));
    }
    expect(left).toEqual([[made[1]], []]);
    rmSync(directory, { recursive: true });
  });

  test("what cleans removes nothing while a server has the data", async () => {
    const directory = mkdtempSync(join(tmpdir(), "weir-clean-"));
    for (const path of ["package.json", "scripts/clean.ts"])
      cpSync(join(repository, path), join(directory, path));
    symlinkSync(join(repository, "node_modules"), join(directory, "node_modules"));
    mkdirSync(join(directory, "dist"));
    const dataDir = join(directory, "data");
    const clean = () => runCommand("bash", ["-c", "npm run clean -- --data"], { cwd: directory });
    const other = await startServer({ dataDir });
    try {
      const { code, stderr } = await clean();
      expect(stderr).toMatch(/\/data\/\S+ is in use by another process: nothing was removed\n/);
      expect(code).toBe(1);
      expect(existsSync(join(directory, "dist"))).toBe(true);
    } finally {
      expect(await other.stop()).toBe(0);
    }
    expect(existsSync(join(dataDir, "log", "CURRENT"))).toBe(true);
    const { code, stderr } = await clean();
    expect(code, stderr).toBe(0);
    expect(existsSync(dataDir)).toBe(false);
    rmSync(directory, { recursive: true });
  });

  /** Tries one piece of code of a row. @returns false where it is none that can be */
  async function tryCode(code: string, old: string): Promise<boolean> {
    if (/^(curl|grpcurl|npx) /.test(code)) {
      if (code.startsWith("grpcurl") && !server.grpcurl) return true;
      const answer = await server.stdoutOf(code.replace("curl -s ", "curl -sS --fail-with-body "));
      if (code.endsWith("/metrics") && !old.includes(" ")) expect(answer).toContain(`# TYPE ${old} `);
    } else if (code.startsWith("npm ")) await tryScript(code);
    else if (code.startsWith("http://")) {
      const published = Object.values(compose.services).flatMap(({ ports = [] }) => ports);
      expect(published.map((port) => `http://${port.replace(/:\d+$/, "")}`)).toContain(code);
    } else if (code.startsWith("docker ")) {
      // No engine runs here: tests/kafka/migrating.test.ts has the console, this the names.
      const [, profile, service] = /--profile (\w+)(?: exec (\w+))?/.exec(code)!;
      const named = Object.entries(compose.services).filter(([, { profiles }]) =>
        profiles.includes(profile!),
      );
      expect(named.map(([name]) => name)).toContain(service ?? named[0]?.[0]);
    } else if (code.startsWith("deploy/")) expect(existsSync(join(repository, code)), code).toBe(true);
    else return false;
    return true;
  }

  /** What is harmless is run here; other tests run the rest, but for what `unplayed` has. */
  async function tryScript(command: string): Promise<void> {
    const { scripts } = JSON.parse(documentOf("package.json")) as { scripts: Record<string, string> };
    const [, name = "", rest = ""] = /^npm (?:run )?(?:--silent )?([\w:-]+)(.*)$/.exec(command)!;
    expect(scripts, command).toHaveProperty([name]);
    const elsewhere = elsewhereRun[rest.includes(" topics ") ? "topics" : name];
    if (elsewhere !== undefined) expect(documentOf(elsewhere.file)).toContain(elsewhere.by);
    else if (!(name in unplayed)) await server.stdoutOf(command);
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
