import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { encodeKey } from "../../src/auth/key.ts";
import { withKeys, withState } from "../support/keys.ts";
import { weir } from "../support/process.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let dataDir: string;
let server: RunningServer | undefined;
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "weir-keys-"));
});
afterEach(async () => {
  await server?.stop();
  server = undefined;
  await rm(dataDir, { recursive: true, force: true });
});

const onDisk = (...args: string[]) => weir(["keys", "create", "--data-dir", dataDir, ...args]);

async function start(
  ...args: string[]
): Promise<(key: string, ...args: string[]) => ReturnType<typeof weir>> {
  const running = await startServer({ dataDir, args: ["--auth", "required", ...args] });
  server = running;
  return (key, ...rest) => weir(["keys", ...rest, "--url", running.url], { env: { WEIR_API_KEY: key } });
}

async function summaryStatus(key: string): Promise<number> {
  const answer = await fetch(`${server!.url}/v1/analytics/summary`, { headers: { "x-api-key": key } });
  return answer.status;
}

describe("weir keys", () => {
  it("makes the first key on a stopped server, further ones by it, and revokes them at once", async () => {
    const first = await onDisk("--project", "shop", "--scopes", "admin");
    expect(first).toMatchObject({ code: 0, stderr: expect.stringMatching(/^key \S+ of project shop; /) });
    const admin = first.stdout.trim();
    expect(admin).toMatch(/^weir_[\w-]{43}$/);

    const keys = await start();
    const made = await keys(admin, "create", "--scopes", "query", "--name", "reports", "--json");
    const { key_id, project_id, secret } = JSON.parse(made.stdout);
    expect(project_id).toBe("shop");
    expect(await summaryStatus(secret)).toBe(200);

    const listed = await keys(admin, "list");
    expect(listed.stdout).toContain(key_id);
    expect(listed.stdout).toMatch(/query {2}weir_\S{7}… {2}reports/);
    expect(listed.stdout).not.toContain(secret);

    // The secret in place of the id is not told to whoever looks over the shoulder.
    const mistaken = await keys(admin, "revoke", secret);
    expect(mistaken).toMatchObject({ code: 3, stderr: expect.stringContaining(secret.slice(0, 12)) });
    expect(mistaken.stderr).not.toContain(secret.slice(12));
    expect(await keys(admin, "revoke", key_id)).toMatchObject({ code: 0 });
    await vi.waitFor(async () => expect(await summaryStatus(secret)).toBe(401), {
      timeout: 1000,
      interval: 20,
    });
    expect((await keys(admin, "list")).stdout).not.toContain(key_id);
    expect((await keys(admin, "list", "--all")).stdout).toMatch(/revoked \d{4}-/);
    expect(server!.log()).not.toContain(secret);
  });

  it("gives keys limits, by a server and without one, and lists them in the form in which they are given", async () => {
    const limits = "requests=10,events=1000,bytes=1048576,streams=2,queries=3";
    const admin = (await onDisk("--project", "shop", "--scopes", "admin", "--limits", limits)).stdout.trim();
    const keys = await start();
    const made = await keys(admin, "create", "--scopes", "ingest", "--limits", "events=5", "--name", "slow");
    expect(made).toMatchObject({ code: 0 });
    const listed = (await keys(admin, "list")).stdout;
    expect(listed).toContain(`admin  ${admin.slice(0, 12)}…  ${limits}  key\n`);
    expect(listed).toMatch(/ {2}ingest {2}weir_\S+… {2}events=5 {2}slow\n/);
  });

  it("refused on disk makes no project either", async () => {
    const browser = ["--scopes", "ingest,query", "--origins", "https://shop.example"];
    expect(await onDisk("--project", "ghost", ...browser)).toMatchObject({ code: 2, stdout: "" });
    const platform = (await onDisk("--project", "default", "--scopes", "platform")).stdout.trim();
    await start();
    const answer = await fetch(`${server!.url}/v1/admin/projects`, { headers: { "x-api-key": platform } });
    expect(await answer.json()).toMatchObject({ projects: [{ project_id: "default" }] });
  });

  it("keeps what it made, and what it revoked, over a crash", async () => {
    const admin = (await onDisk("--project", "default", "--scopes", "admin,query")).stdout.trim();
    let keys = await start();
    const { key_id, secret } = JSON.parse(
      (await keys(admin, "create", "--scopes", "query", "--json")).stdout,
    );
    await keys(admin, "revoke", key_id);
    await server!.kill9();
    keys = await start();
    expect(await summaryStatus(secret)).toBe(401);
    expect(await summaryStatus(admin)).toBe(200);
  });

  it("lists what a key is: its scopes, the origins of its pages, its end and its name", async () => {
    const admin = (await onDisk("--project", "shop", "--scopes", "admin,query")).stdout.trim();
    const keys = await start();
    const origins = "https://shop.example,https://www.shop.example";
    const flags = ["--scopes", "ingest", "--origins", origins, "--expires", "90d", "--name", "web"];
    const made = JSON.parse((await keys(admin, "create", ...flags, "--json")).stdout);
    const [web, own] = (await keys(admin, "list")).stdout.trimEnd().split("\n");
    const shown = `${made.key_id}  ingest  ${made.secret.slice(0, 12)}…  ${origins.replace(",", "  ")}  expires `;
    expect(web).toMatch(new RegExp(`^ {2}${shown.replaceAll(/[.+]/g, "\\$&")}\\d{4}-\\S+Z {2}web$`));
    expect(own).toMatch(/^ {2}\S+ {2}admin,query {2}weir_\S{7}… {2}key$/);

    const listed = JSON.parse((await keys(admin, "list", "--json")).stdout);
    const [{ create_time, expire_time, ...rest }] = listed;
    expect(rest).toEqual({
      key_id: made.key_id,
      name: "web",
      project_id: "shop",
      scopes: ["SCOPE_INGEST"],
      allowed_origins: origins.split(","),
      prefix: made.secret.slice(0, 12),
    });
    // Made by two clocks, of which one belongs to the command.
    const days = (Date.parse(expire_time) - Date.parse(create_time)) / 86_400_000;
    expect(Math.round(days)).toBe(90);
  });

  it("lists names that would steer the terminal with their characters told", async () => {
    const name = "a\u001b[2J\u202eb\u0085";
    const args = ["--project", "default", "--scopes", "admin", "--name", name];
    const admin = (await onDisk(...args)).stdout.trim();
    const { stdout } = await (await start())(admin, "list");
    expect(stdout.trimEnd()).toMatch(/ {2}a\\u\{1b\}\[2J\\u\{202e\}b\\u\{85\}$/);
  });

  it("makes no key on the disk of a server that runs, and says what to do", async () => {
    await start();
    const refused = await onDisk("--project", "default", "--scopes", "query");
    expect(refused).toMatchObject({
      code: 1,
      stdout: "",
      stderr: expect.stringMatching(
        /in use by another process.*a server that runs is asked with --url, for a key of project default by [^\n]*\n$/,
      ),
    });
  });

  it("asks the server that runs for a key of a project whose first key was lost", async () => {
    const platform = (await onDisk("--project", "default", "--scopes", "admin,platform")).stdout.trim();
    const keys = await start();
    const { status } = await fetch(`${server!.url}/v1/admin/projects`, {
      method: "POST",
      headers: { "x-api-key": platform, "content-type": "application/json" },
      body: JSON.stringify({ project_id: "shop" }),
    });
    expect(status).toBe(200);
    const create = (key: string, project: string) =>
      keys(key, "create", "--project", project, "--scopes", "admin,query", "--json");
    const { project_id, secret } = JSON.parse((await create(platform, "shop")).stdout);
    expect(project_id).toBe("shop");
    expect(await summaryStatus(secret)).toBe(200);
    expect((await keys(secret, "list")).stdout).toContain("first key");
    expect(await create(platform, "shpo")).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringContaining("there is no project shpo"),
    });
    expect(await create(secret, "default")).toMatchObject({
      code: 3,
      stdout: "",
      stderr: expect.stringContaining("only a key with scope platform may make a key of another project"),
    });
    expect(await create(secret, "shop")).toMatchObject({ code: 0 });
  });

  it("makes no key of a project that has too many, and sends nobody to the server for it", async () => {
    const request = { name: "n", project: "shop", scopes: ["ingest"] as const };
    const { key } = await withKeys(dataDir, (keys) => keys.create(request));
    await withState(dataDir, (state) =>
      Promise.all(
        Array.from({ length: 999 }, (_, i) => state.put(`keys/${i}`, encodeKey({ ...key, id: String(i) }))),
      ),
    );
    const create = () => onDisk("--project", "shop", "--scopes", "admin");
    expect(await create()).toMatchObject({
      code: 1,
      stdout: "",
      stderr: "weir keys: project shop has 1000 keys already, none of which has ended: revoke some\n",
    });
    await withKeys(dataDir, (keys) => keys.revoke("shop", key.id));
    expect(await create()).toMatchObject({ code: 0 });
  });

  it.each([
    [[], /one of create, list and revoke KEY_ID is needed/],
    [["create"], /--scopes is needed/],
    [["create", "--scopes", "root"], /--scopes: "root" is none of ingest, query, admin, platform/],
    [["create", "--scopes", "query", "--project", "No Name"], /--project must be/],
    [["create", "--scopes", "query", "--expires", "soon"], /--expires must be a duration/],
    [
      ["create", "--scopes", "query", "--expires", "9999999d"],
      /--expires must be by the end of the year 9999/,
    ],
    [
      ["create", "--scopes", "query", "--expires", "9999999d", "--project", "a"],
      /--expires must be by the end of the year 9999/,
    ],
    [["create", "--scopes", "ingest", "--origins", "shop.example"], /"shop\.example" is no origin/],
    [
      ["create", "--scopes", "ingest,query", "--origins", "https://shop.example", "--project", "a"],
      /a key with allowed origins can be read by everybody/,
    ],
    [
      ["create", "--scopes", "query", "--limits", "speed=1"],
      /--limits: "speed=1" is none of requests=N, events=N/,
    ],
    [
      ["create", "--scopes", "query", "--limits", "events=0"],
      /events must be a whole number from 1 to 2147483647/,
    ],
    [["create", "--scopes", "query", "--limits", "bytes=9"], /bytes must be a whole number from 1024 to/],
    [["create", "--scopes", "query", "--limits", "events=1,events=2"], /--limits: events stands in it twice/],
    [["create", "--scopes", "query", "--limits", ""], /--limits must name some, or be left out/],
    [["create", "--scopes", "ingest", "--origins", ","], /--origins must name some, or be left out/],
    [["list", "--limits", "events=1"], /--limits is for create/],
    [["create", "--scopes", "query", "--project", "a", "--name", ""], /name: .*at least 1 char/],
    [["create", "--scopes", "query", "--project", "a", "--name", "x".repeat(5000)], /name: .*at most 128/],
    [
      ["create", "--scopes", "query", "--project", "a", "--data-dir", "b", "--url", "http://127.0.0.1:1"],
      /--data-dir is for a key that is made without a server, and --url is of one that is asked/,
    ],
    [
      ["create", "--scopes", "query", "--project", "a", "--log", "level:", "--api-key", "k"],
      /--log is for a key that is made without a server, and --api-key is of one/,
    ],
    [
      ["create", "--scopes", "query", "--data-dir", "elsewhere"],
      /--data-dir is for a key that is made without a server, which takes --project ID/,
    ],
    [
      ["create", "--scopes", "query", "--log", "kafka://127.0.0.1:1"],
      /--log is for a key that is made without a server/,
    ],
    ...["https://*.example", "https://user:pw@a.example", "https://a.example/x", "file://a", "https://"].map(
      (origin): [string[], RegExp] => [
        ["create", "--scopes", "ingest", "--origins", origin],
        /" is no origin such as https:\/\/shop\.example/,
      ],
    ),
    [["list", "--data-dir", "a"], /--data-dir is for create/],
    [["list", "--project", "a"], /--project is for create.*the project that --api-key belongs to/],
    [["revoke", "id", "--project", "a"], /--project is for create/],
    [["revoke"], /one of create, list and revoke KEY_ID is needed/],
  ])("%j is refused in one line", async (args, says) => {
    const { code, stderr } = await weir(["keys", ...args], { env: { WEIR_DATA_DIR: dataDir } });
    expect(code).toBe(2);
    expect(stderr).toMatch(says);
    expect(stderr.trimEnd()).not.toContain("\n");
  });

  it("makes nothing on disk where a server is named too, whose key it cannot be", async () => {
    const refused = await onDisk("--project", "shop", "--scopes", "admin", "--url", "http://127.0.0.1:1");
    expect(refused).toMatchObject({ code: 2, stdout: "" });
    expect(await readdir(dataDir)).toEqual([]);
    // What a shell has set for every command is no such contradiction.
    const env = { WEIR_API_KEY: "k", WEIR_URL: "http://127.0.0.1:1", WEIR_DATA_DIR: dataDir };
    expect(await weir(["keys", "create", "--project", "shop", "--scopes", "admin"], { env })).toMatchObject({
      code: 0,
    });
  });

  it("keeps origins as browsers send them", async () => {
    const admin = (await onDisk("--project", "shop", "--scopes", "admin")).stdout.trim();
    const keys = await start();
    const origins = "https://A.example:443,https://a.example,http://b.example:8080/,https://exämple.de";
    await keys(admin, "create", "--scopes", "ingest", "--origins", origins);
    const listed = (await keys(admin, "list")).stdout;
    expect(listed).toContain("  https://a.example  http://b.example:8080  https://xn--exmple-cua.de  ");
  });
});
