import { fileURLToPath } from "node:url";
import { defineConfig } from "vitest/config";

// The store's worker threads run our sources as they stand. Node strips their types by a WebAssembly module, and where
// many such threads come and go in one process V8 crashes now and then as it frees that module's code (a core dump showed
// WasmEngine::FreeDeadCode in the worker). What is in the cache is not stripped again; bin/weir.js sets it for servers.
process.env.NODE_COMPILE_CACHE ??= fileURLToPath(new URL(".cache/compile", import.meta.url));

const project = (name: string, testTimeout: number) => ({
  test: { name, include: [`tests/${name}/**/*.test.ts`], testTimeout, hookTimeout: testTimeout },
});

export default defineConfig({
  test: {
    pool: "forks",
    maxWorkers: 2,
    projects: [
      project("unit", 20_000),
      project("contract", 60_000),
      project("integration", 120_000),
      project("e2e", 240_000),
    ],
  },
});
