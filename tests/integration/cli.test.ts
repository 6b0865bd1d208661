import { execFile } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { gunzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { indexPage } from "../../src/transport/html.ts";
import { startEventServer } from "../support/event-server.ts";
import { gather, repository, runToEnd, startProgram, weir } from "../support/process.ts";

const run = promisify(execFile);
let directory: string;
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-cli-"));
});
afterAll(() => rm(directory, { recursive: true }));

const commands = [
  "serve",
  "send",
  "generate-data",
  "health",
  "ready",
  "lag",
  "stats",
  "topics",
  "migrate",
  "urls",
];

const unsendableKey = "a secret of nobody";

describe("weir", () => {
  it("lists every command by --help", async () => {
    const { code, stdout, stderr } = await weir(["--help"]);
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    for (const command of commands) expect(stdout).toMatch(new RegExp(`^  ${command} +\\S`, "m"));
  });

  it("tells its version by --version", async () => {
    const { version } = JSON.parse(await readFile(join(repository, "package.json"), "utf8"));
    expect(await weir(["--version"])).toMatchObject({ code: 0, stdout: `weir ${version}\n`, stderr: "" });
  });

  it.each(commands)("%s --help tells its flags", async (command) => {
    const { code, stdout } = await weir([command, "--help"]);
    expect(code).toBe(0);
    expect(stdout).toMatch(new RegExp(`^Usage: weir ${command}`));
    expect(stdout).toMatch(/^ {2}--\w/m);
  });

  it.each([
    [["nope"], 'weir: there is no command "nope"; weir --help lists them\n'],
    [["health", "--nope"], "weir health: Unknown option '--nope'\n"],
    [["send"], "weir send: give one FILE, or - for standard input\n"],
    [["send", "a", "b"], "weir send: give one FILE, or - for standard input\n"],
    [["send", "/nowhere/at/all"], "weir send: cannot read /nowhere/at/all: no such file\n"],
    [["send", "/"], "weir send: cannot read /: it is a directory\n"],
    [
      ["send", "-", "--batch", "1001"],
      'weir send: --batch must be a whole number from 1 to 1000, not "1001"\n',
    ],
    [["send", "-", "--format", "xml"], 'weir send: --format must be one of auto, event, flat, not "xml"\n'],
    [
      ["send", "-", "--url", "localhost"],
      'weir send: --url must be an address such as http://127.0.0.1:8080, not "localhost"\n',
    ],
    [["generate-data", "--seed", "x"], /--seed must be a whole number/],
    [["generate-data", "--start", "2025-13-01"], /--start must be a day of the calendar/],
    [["generate-data", "--start", "2023-02-29"], /--start must be a day of the calendar.*not "2023-02-29"/],
    [["generate-data", "--start", "1969-12-31"], /from 1970 on/],
    [["export", "--format", "csv", "--start", "2023-02-29"], /--start must be a time.*not "2023-02-29"/],
    [["generate-data", "--out", "/nowhere/at/all"], /cannot write \/nowhere\/at\/all/],
  ] as [string[], string | RegExp][])("%j is one clear line and exit code 2", async (args, line) => {
    const { code, stdout, stderr } = await weir(args);
    expect({ code, stdout }).toEqual({ code: 2, stdout: "" });
    if (typeof line === "string") expect(stderr).toBe(line);
    else expect(stderr).toMatch(line);
    expect(stderr.trimEnd().split("\n")).toHaveLength(1);
  });

  it.each([
    ["stats", "--api-key", `${unsendableKey}\n.`],
    ["send", "-", "--api-key", `\u001b${unsendableKey}`],
    ["dlq", "list", "--api-key", `${unsendableKey}€`],
  ])("%s refuses a key that no header can carry, without showing it", async (...args) => {
    expect(await weir(args)).toEqual({
      code: 2,
      signal: null,
      stdout: "",
      stderr: `weir ${args[0]}: --api-key must be text of printable ASCII characters, which is what a header can carry\n`,
    });
  });

  it("without a command tells how it is used", async () => {
    expect(await weir([])).toMatchObject({
      code: 2,
      stdout: "",
      stderr: expect.stringContaining("Usage: weir"),
    });
  });

  it("gives the thread pool its size before anything uses it, unless it is set", async () => {
    const script = `process.argv[2] = "help"; await import("./bin/weir.js"); console.log(process.env.UV_THREADPOOL_SIZE)`;
    const sizeWith = async (env: NodeJS.ProcessEnv) =>
      (await run(process.execPath, ["--input-type=module", "-e", script], { cwd: repository, env })).stdout
        .trimEnd()
        .split("\n")
        .at(-1);
    expect(await sizeWith({})).toBe("16");
    expect(await sizeWith({ UV_THREADPOOL_SIZE: "5" })).toBe("5");
  });
});

describe("under a Node that is too old, weir", () => {
  const pretend = `data:text/javascript,Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.1.0"}})`;
  const underOlder = (...args: string[]) => ["--import", pretend, "bin/weir.js", ...args];

  it("finds its own, and passes on what it says and its exit code", async () => {
    const [program, ...args] = underOlder("nope");
    expect(await runToEnd(program!, args)).toMatchObject({
      code: 2,
      stderr: 'weir: there is no command "nope"; weir --help lists them\n',
    });
  });

  it("passes on the signals that end it", async () => {
    const [program, ...args] = underOlder(
      "serve",
      "--listen",
      "127.0.0.1:0",
      "--data-dir",
      join(directory, "data"),
    );
    const child = startProgram(program!, args);
    const stdout = gather(child, "stdout");
    const ended = once(child, "close");
    await expect.poll(stdout, { timeout: 30_000 }).toContain('"msg":"listening"');
    child.kill("SIGTERM");
    expect((await ended)[0]).toBe(0);
    expect(stdout()).toContain('"msg":"stopped"');
  });
});

describe("weir generate-data", () => {
  it("writes the same bytes to standard output, a file and a gzipped file", async () => {
    const flags = ["generate-data", "--events", "500", "--seed", "3"];
    const [plain, packed] = [join(directory, "a.ndjson"), join(directory, "a.ndjson.gz")];
    const { code, stdout } = await weir(flags);
    expect(code).toBe(0);
    expect(stdout.split("\n")).toHaveLength(501);
    expect((await weir([...flags, "--out", plain])).code).toBe(0);
    expect((await weir([...flags, "--out", packed])).code).toBe(0);
    expect(await readFile(plain, "utf8")).toBe(stdout);
    expect(gunzipSync(await readFile(packed)).toString()).toBe(stdout);
  });

  it("makes ten thousand events by default", async () => {
    expect((await weir(["generate-data"])).stdout.split("\n")).toHaveLength(10_001);
  });

  it("ends without a word when its reader has seen enough", async () => {
    const command = `"${process.execPath}" bin/weir.js generate-data --events 10000000 | head -1; echo "\${PIPESTATUS[0]}"`;
    const { stdout, stderr } = await run("bash", ["-c", command], { cwd: repository });
    expect(stderr).toBe("");
    expect(stdout.trimEnd().split("\n")).toEqual([expect.stringContaining('"id":"gen-1-1"'), "0"]);
  });
});

it.each([["generate-data", "--events", "10"], ["urls"]])(
  "what %s cannot write is one clear line and exit code 1",
  async (...args) => {
    const command = `"${process.execPath}" bin/weir.js ${args.join(" ")} > /dev/full; echo "$?"`;
    expect(await run("bash", ["-c", command], { cwd: repository })).toEqual({
      stdout: "1\n",
      stderr: "weir: cannot write to standard output: ENOSPC: no space left on device, write\n",
    });
  },
);

describe("weir urls", () => {
  it("lists the pages, the REST routes and the methods, of any address", async () => {
    const { code, stdout } = await weir(["urls", "--url", "http://127.0.0.1:9"]);
    expect(code).toBe(0);
    const linked = [...indexPage("", true).matchAll(/href="([^"]+)"/g)].map(([, path]) => path);
    for (const page of ["/", "/docs", ...linked])
      expect(stdout).toMatch(new RegExp(`(http://127\\.0\\.0\\.1:9|GET +)${page} `));
    expect(stdout).toMatch(/GET {4}\/v1\/analytics\/users\/\{user_id\} +AnalyticsService\.GetUserAnalytics/);
    expect(stdout).toMatch(/POST {3}\/v1\/analytics\/retention +AnalyticsService\.GetRetention$/m);
    expect(stdout).toMatch(/GET {4}\/v1\/admin\/tracking-plan +AdminService\.GetTrackingPlan \(later\)/);
    expect(stdout).toContain("  POST   /analytics.v1.EventIngestionService/StreamEvents");
  });
});

describe("a server that is not there", () => {
  let url: string;
  beforeAll(async () => {
    const server = await startEventServer();
    await server.close();
    url = server.url;
  });

  it.each([
    [["health"], 1],
    [["ready"], 1],
    [["lag"], 3],
    [["stats"], 3],
    [["send", "-"], 3],
  ] as [string[], number][])("is one clear line for %j", async (args, expected) => {
    const { code, stdout, stderr } = await weir([...args, "--url", url]);
    expect({ code, stdout }).toEqual({ code: expected, stdout: "" });
    expect(stderr).toBe(`weir: cannot reach ${url}: connection refused; is it running? (weir serve)\n`);
  });
});
