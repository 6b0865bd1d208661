/** docs/FIRST_HOUR.md, played from its first line to its last in a copy of the repository. */
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { cpSync, mkdtempSync, rmSync, symlinkSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type ClickhouseEngine, startEngine } from "../support/clickhouse.ts";
import { runCommand } from "../support/command.ts";
import { documentOf, listening } from "../support/documented.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { freePorts } from "../support/ports.ts";
import { expectNoSecrets, repository } from "../support/process.ts";

let kafka: KafkaBroker;
let clickhouse: ClickhouseEngine;
/** What the page says, and what stands for it here. */
const places: [said: string, here: string][] = [];
const clone = mkdtempSync(join(tmpdir(), "weir-clone-"));
const env: Record<string, string> = {};
const servers: ChildProcess[] = [];

beforeAll(async () => {
  kafka = await startKafka();
  clickhouse = await startEngine();
  const ports = await freePorts(3);
  places.push(
    ["localhost:9092", kafka.brokers[0]!],
    ["localhost:8123", new URL(clickhouse.newDatabase()).host],
    ...ports.map((port, i): [string, string] => [`127.0.0.1:808${i}`, `127.0.0.1:${port}`]),
  );
  const files = execFileSync("git", ["ls-files", "-z"], { cwd: repository, encoding: "utf8" });
  for (const file of files.split("\0").filter((name) => name !== ""))
    cpSync(join(repository, file), join(clone, file));
  symlinkSync(join(repository, "node_modules"), join(clone, "node_modules"));
});
afterAll(async () => {
  await stopServers();
  await clickhouse?.close();
  await kafka?.close();
  rmSync(clone, { recursive: true });
});

/** By Ctrl-C, which reaches the whole group of a terminal. */
async function stopServers(): Promise<void> {
  for (const server of servers.splice(0)) {
    const ended = once(server, "exit");
    process.kill(-server.pid!, "SIGINT");
    await ended;
  }
}

async function start(command: string): Promise<void> {
  // Where the page names no address it is the default one, which another test may have.
  const listen = command.includes("--listen") ? "" : `--listen ${places.at(-3)![1]}`;
  const whole = listen === "" ? command : `${command}${command.includes(" -- ") ? "" : " --"} ${listen}`;
  const server = spawn("bash", ["-c", whole], {
    cwd: clone,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  expectNoSecrets(server, command, env);
  servers.push(server);
  server.stderr!.pipe(process.stderr);
  await listening(server);
  server.stdout!.resume();
}

/** Each line of the page that is one of shell, and each place where it says Ctrl-C. */
function steps(): string[] {
  const parts = documentOf("docs/FIRST_HOUR.md").matchAll(/```sh\n([\s\S]*?)```|<!-- (stop) -->/g);
  return [...parts].flatMap(([, block, stop]) => (stop === undefined ? block!.trim().split("\n") : [stop]));
}

it("does what it says", async () => {
  const answers = new Map<string, unknown[]>();
  for (const step of steps()) {
    const here = places.reduce((text, [said, real]) => text.replaceAll(said, real), step);
    const exported = /^export (\w+)=(.*)$/.exec(here);
    if (step === "stop") await stopServers();
    else if (exported !== null) env[exported[1]!] = exported[2]!;
    else if (step.startsWith("npm start")) await start(here);
    else {
      const inClone = `cd ${clone} && ${here}`;
      const own = { ...env, WEIR_URL: `http://${places.at(-3)![1]}` };
      const { code, stdout, stderr } = await runCommand("bash", ["-c", inClone], {
        env: own,
        deadlineMs: 90_000,
      });
      expect(code, `${step}\n${stdout}${stderr}`).toBe(0);
      const path = /(\/v1\/\S+)/.exec(step)?.[1];
      if (path !== undefined) answers.set(path, [...(answers.get(path) ?? []), JSON.parse(stdout)]);
    }
  }
  const accepted = { result: "INGEST_RESULT_ACCEPTED" };
  const three = { total_events: "3", unique_users: "2" };
  const funnel = { steps: [{ users: "2" }, { users: "1", conversion_from_first: 0.5 }] };
  expect(Object.fromEntries(answers)).toMatchObject({
    "/v1/events": [accepted, accepted, accepted],
    "/v1/analytics/summary": [three, three, three, { details: [{ reason: "NO_KEY" }] }],
    "/v1/analytics/funnel": [funnel, funnel],
    "/v1/events/batch": [{ accepted_count: 3 }],
  });
});
