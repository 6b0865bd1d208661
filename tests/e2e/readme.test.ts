import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { launchBrowser } from "../support/browser.ts";
import { commandsOf, type DocumentedServer, startDocumented } from "../support/documented.ts";
import { repository } from "../support/process.ts";

const commands = commandsOf("README.md");
let server: DocumentedServer;

beforeAll(async () => {
  server = await startDocumented();
});
afterAll(() => server?.stop());

/** The address that a server of pages prints when it is up. */
async function printedUrl(output: Readable): Promise<string> {
  const lines: string[] = [];
  for await (const line of createInterface({ input: output })) {
    const url = /https?:\/\/\S+/.exec(line)?.[0];
    if (url !== undefined) return url;
    lines.push(line);
  }
  throw new Error(`no address was printed:\n${lines.join("\n")}`);
}

describe("the README", () => {
  test("starts by npm start and tests by npm test, as package.json has them", () => {
    const { scripts } = JSON.parse(readFileSync(join(repository, "package.json"), "utf8"));
    expect(commands).toContain("npm start");
    expect(commands).toContain("npm test");
    expect(scripts).toMatchObject({ start: "node bin/weir.js serve", test: "node scripts/test.ts" });
  });

  const others = commands.filter((command) => command !== "npm start" && command !== "npm test");
  const pages = others.filter((command) => command.startsWith("npx esbuild"));

  test.each(pages)("%s serves a page that counts what it sends", async (command) => {
    expect(readFileSync(join(repository, "examples/web/app.ts"), "utf8")).toContain(command);
    const site = spawn("bash", ["-c", command.replace(":8000", ":0")], {
      cwd: repository,
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    });
    const browser = await launchBrowser();
    try {
      const page = await browser.newPage();
      await page.goto(await printedUrl(site.stderr!));
      await page.fill("#url", `http://${server.address}`);
      await page.click("button");
      await page.getByText(/^\d+ events of \d+ users$/).waitFor();
    } finally {
      await browser.close();
      const ended = once(site, "exit");
      process.kill(-site.pid!, "SIGINT");
      await ended;
    }
  });

  test.each(others.filter((command) => !command.startsWith("grpcurl") && !pages.includes(command)))(
    "%s",
    async (command) => {
      const answer = await server.stdoutOf(command);
      if (command.includes("/v1/events "))
        expect(JSON.parse(answer)).toMatchObject({ success: true, event_id: "evt-123" });
      if (command.includes(":8080/events ")) expect(JSON.parse(answer)).toMatchObject({ success: true });
      if (command.includes("-o events.parquet"))
        expect(readFileSync(server.file("events.parquet"), "latin1")).toMatch(/^PAR1.*PAR1$/s);
      else if (command.includes("/analytics/")) expect(JSON.parse(answer)).not.toHaveProperty("code");
    },
  );

  test("its grpcurl command", async () => {
    if (!server.grpcurl) return;
    for (const command of others.filter((c) => c.startsWith("grpcurl"))) {
      expect(JSON.parse(await server.stdoutOf(command))).toMatchObject({ success: true, eventId: "evt-124" });
    }
  });

  test("its questions answer what was sent", async () => {
    const summary = JSON.parse(
      await server.stdoutOf(commands.find((command) => command.endsWith("/v1/analytics/summary"))!),
    );
    expect(Number(summary.total_events)).toBeGreaterThanOrEqual(1004);
    const listed = JSON.parse(
      await server.stdoutOf(commands.find((command) => command.includes("analytics/events"))!),
    );
    expect(listed.events.map((e: { event: { id: string } }) => e.event.id)).toContain("event_123");
    const user = JSON.parse(
      await server.stdoutOf(commands.find((command) => command.includes("analytics/users"))!),
    );
    expect(user.profile).toMatchObject({ user_id: "user-456" });
  });

  test("links to files that are there", () => {
    const readme = readFileSync(join(repository, "README.md"), "utf8");
    const links = [...readme.matchAll(/\]\(([^)#]+)/g)]
      .map((match) => match[1]!)
      .filter((link) => !link.startsWith("http"));
    expect(links.length).toBeGreaterThan(3);
    for (const link of links)
      expect(() => dirname(readFileSync(join(repository, link)).toString()), link).not.toThrow(/ENOENT/);
  });
});
