#!/usr/bin/env node
// Finds the Node and the program to run, under any Node from 18 on: plain JavaScript, nothing but Node's own modules.

import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import * as module from "node:module";
import { constants } from "node:os";
import { fileURLToPath } from "node:url";

// A query of the store holds a thread of libuv's pool while it runs, and the 4 that are the default would leave none
// for the log. The pool takes its size when it is first used, so this comes before everything.
process.env.UV_THREADPOOL_SIZE ??= "16";

/** First Node that runs TypeScript sources as they stand. */
const neededMajor = 24;

const beside = (path) => fileURLToPath(new URL(`../${path}`, import.meta.url));
const source = beside("src/cli/weir.ts");
const built = beside("dist/src/cli/weir.js");

// Sources that are run as they stand are stripped of their types at each start, unless what came of it is kept: that
// saves most of the start and some 60 MB in the two threads of a server. Not in a shared folder, where others could
// put code into it.
if (existsSync(source)) {
  process.env.NODE_COMPILE_CACHE ??= beside(".cache/compile");
  module.enableCompileCache?.(process.env.NODE_COMPILE_CACHE);
}

const runningMajor = Number(process.versions.node.split(".")[0]);
const newerNode = [beside("node_modules/node/bin/node"), beside("node_modules/.bin/node")].find(existsSync);

if (existsSync(source) && runningMajor >= neededMajor) {
  await run(new URL("../src/cli/weir.ts", import.meta.url));
} else if (existsSync(source) && newerNode !== undefined && process.env.WEIR_STARTED_BY === undefined) {
  startUnder(newerNode);
} else if (existsSync(built)) {
  await run(new URL("../dist/src/cli/weir.js", import.meta.url));
} else {
  console.error(
    `weir: Node ${neededMajor} or newer is needed to run from sources, this is ${process.versions.node}: run npm ci first`,
  );
  process.exitCode = 1;
}

async function run(program) {
  const { main } = await import(program.href);
  process.exitCode = await main(process.argv.slice(2));
}

function startUnder(node) {
  const child = spawn(node, [fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: "inherit",
    env: { ...process.env, WEIR_STARTED_BY: process.versions.node },
  });
  // Ctrl-C reaches the child by itself where a terminal is shared: passed on as well it would count twice.
  const sharesTerminal = process.stdin.isTTY || process.stdout.isTTY || process.stderr.isTTY;
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"]) {
    process.on(signal, () => {
      if (signal !== "SIGINT" || !sharesTerminal) child.kill(signal);
    });
  }
  child.once("error", (error) => {
    console.error(`weir: ${node} cannot be run: ${error.message}`);
    process.exitCode = 1;
  });
  child.once("exit", (code, signal) => {
    process.exit(code ?? 128 + constants.signals[signal]);
  });
}
