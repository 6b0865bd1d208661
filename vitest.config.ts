import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";
import { withoutClickhouse } from "./tests/support/clickhouse/engine.ts";
import { withoutCollector } from "./tests/support/collector/binary.ts";
import { withoutKafka } from "./tests/support/kafka/jars.ts";
import { withoutKubernetes } from "./tests/support/kubernetes/programs.ts";
import { withoutPrometheus } from "./tests/support/prometheus/programs.ts";

// The store's worker threads run our sources as they stand. Node strips their types by a WebAssembly module, and where
// many such threads come and go in one process V8 crashes now and then as it frees that module's code (a core dump showed
// WasmEngine::FreeDeadCode in the worker). What is in the cache is not stripped again; bin/weir.js sets it for servers.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL(".cache/compile", import.meta.url));

const project = (name: string, testTimeout: number, globalSetup: string[] = []) => ({
  test: { name, include: [`tests/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout, globalSetup },
});

/** The tests that run on either store, on ClickHouse, and those of ClickHouse alone. */
const onEitherStore = [
  "aggregates-random",
  "filter-equality",
  "filter-limits",
  "funnel",
  "paths",
  "retention",
  "store-apply",
  "store-copies",
  "store-queries",
  "store-questions",
];
const clickhouse = {
  test: {
    ...project("clickhouse", 120_000).test,
    include: [
      ...onEitherStore.map((name) => `tests/integration/${name}.test.ts`),
      "tests/clickhouse/**/*.test.ts",
    ],
    env: { WEIR_TEST_STORE: "clickhouse", ...fewerRuns() },
  },
};

/** Those of several processes, and those of a whole server that run on either store. */
const distributed = {
  test: {
    ...project("distributed", 240_000).test,
    include: ["tests/distributed/**/*.test.ts", "tests/contract/walls.test.ts"],
    env: { WEIR_TEST_STORE: "clickhouse" },
  },
};

/** What this machine has not, which is said once. */
const without = {
  kafka: withoutKafka(),
  clickhouse: withoutClickhouse(),
  prometheus: withoutPrometheus(),
  collector: withoutCollector(),
  kubernetes: withoutKubernetes(),
};

/** Left out of a project: its tests of several processes, which need a broker and an engine too. */
const severalProcesses = (name: string) =>
  without.kafka || without.clickhouse ? [`tests/${name}/distributed.test.ts`] : [];

/** Those with a real Prometheus. */
const monitoring = {
  test: {
    ...project("monitoring", 240_000, ["tests/support/prometheus/fetch.ts"]).test,
    exclude: severalProcesses("monitoring"),
  },
};

/** Those with a collector of spans. */
const tracing = {
  test: {
    ...project("tracing", 120_000, ["tests/support/collector/binary.ts"]).test,
    exclude: severalProcesses("tracing"),
  },
};

/** Those of the manifests. */
const kubernetes = project("kubernetes", 120_000, ["tests/support/kubernetes/programs.ts"]);

/** How often random tests run there, where each statement takes some milliseconds; what the caller says counts. */
function fewerRuns(): Record<string, string> {
  const runs = {
    WEIR_RANDOM_SETS: "25",
    WEIR_SEQUENCE_RUNS: "30",
    WEIR_QUESTION_RUNS: "8",
    WEIR_FILTER_RUNS: "15",
  };
  return Object.fromEntries(Object.entries(runs).map(([name, few]) => [name, process.env[name] ?? few]));
}

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      project("unit", 20_000),
      project("contract", 60_000),
      project("integration", 120_000),
      project("e2e", 240_000, ["tests/support/unpack-browser.ts"]),
      ...(without.clickhouse ? [] : [clickhouse]),
      ...(without.kafka ? [] : [project("kafka", 120_000)]),
      ...(without.prometheus ? [] : [monitoring]),
      ...(without.kubernetes ? [] : [kubernetes]),
      ...(without.collector ? [] : [tracing]),
      ...(without.kafka || without.clickhouse ? [] : [distributed]),
    ],
  },
});
