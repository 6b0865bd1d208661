/** The README's way to serve others, as it stands there. */
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { expect, it } from "vitest";
import { runCommand } from "../support/command.ts";
import { expectNoSecrets, repository } from "../support/process.ts";

const readme = readFileSync(join(repository, "README.md"), "utf8");
const block = /```bash\n([\s\S]*?)```/.exec(readme.slice(readme.indexOf("## Serve others")))![1]!;
const [first, start, ...others] = block.trim().split("\n");

it("makes the first key, starts, makes a key by it, and asks with that", async () => {
  const directory = mkdtempSync(join(tmpdir(), "weir-others-"));
  const inDirectory = (command: string) =>
    command.replaceAll(/\b(admin|app)\.key/g, (name) => join(directory, name));
  const env: Record<string, string> = { WEIR_DATA_DIR: join(directory, "data") };
  const run = async (command: string) => {
    const { code, stdout, stderr } = await runCommand("bash", ["-c", command], { env, deadlineMs: 120_000 });
    expect(code, `${command}\n${stdout}${stderr}`).toBe(0);
    return stdout;
  };
  await run(inDirectory(first!));
  expect(start).toBe("npm start -- --listen 0.0.0.0:8080");
  const server = spawn("bash", ["-c", start!.replace(":8080", ":0")], {
    cwd: repository,
    env: { ...process.env, ...env },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  expectNoSecrets(server, "npm start", { env });
  server.stderr.pipe(process.stderr);
  try {
    let address = "";
    for await (const line of createInterface({ input: server.stdout! })) {
      const { msg, url } = line.startsWith("{")
        ? (JSON.parse(line) as { msg: string; url?: string })
        : { msg: "" };
      if (msg !== "listening") continue;
      address = new URL(url!).host.replace("0.0.0.0", "127.0.0.1");
      break;
    }
    server.stdout!.resume();
    env.WEIR_URL = `http://${address}`;
    const outputs: string[] = [];
    for (const command of others) {
      outputs.push(await run(inDirectory(command).replaceAll("127.0.0.1:8080", address)));
    }
    expect(JSON.parse(outputs.at(-1)!)).toMatchObject({ total_events: "0" });
    expect((await fetch(`${env.WEIR_URL}/v1/analytics/summary`)).status).toBe(401);
  } finally {
    const ended = once(server, "exit");
    process.kill(-server.pid!, "SIGINT");
    await ended;
    rmSync(directory, { recursive: true });
  }
});
