import { spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { WeirError } from "../../src/domain/errors.ts";
import { createLogger, type LoggerOptions, type RootLogger } from "../../src/telemetry/logger.ts";

let directory: string;
let fd: number;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-logger-"));
  fd = openSync(join(directory, "log"), "w");
});

afterEach(() => {
  closeSync(fd);
  rmSync(directory, { recursive: true });
});

/** What `use` writes, flushed. */
async function written(options: LoggerOptions, use: (logger: RootLogger) => void): Promise<string> {
  const logger = createLogger({ ...options, fd });
  use(logger);
  await logger.flush();
  return readFileSync(join(directory, "log"), "utf8");
}

async function lines(
  options: LoggerOptions,
  use: (logger: RootLogger) => void,
): Promise<Record<string, unknown>[]> {
  return (await written(options, use))
    .trimEnd()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("logger", () => {
  it("writes one JSON object a line with time, level, fields and message", async () => {
    const [line] = await lines({}, (logger) => logger.info({ port: 8080 }, "listening"));
    expect(line).toEqual({
      level: "info",
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/),
      port: 8080,
      msg: "listening",
    });
  });

  it("keeps a message with line breaks on one line", async () => {
    const found = await lines({}, (logger) => logger.warn({ path: "/a\nb" }, "two\nlines"));
    expect(found).toHaveLength(1);
    expect(found[0]).toMatchObject({ path: "/a\nb", msg: "two\nlines" });
  });

  it.each([
    ["debug", ["debug", "info", "warn", "error"]],
    ["info", ["info", "warn", "error"]],
    ["warn", ["warn", "error"]],
    ["error", ["error"]],
  ] as const)("at level %s writes that and what is worse", async (level, expected) => {
    const found = await lines({ level }, (logger) => {
      for (const method of ["debug", "info", "warn", "error"] as const) logger[method]({}, method);
    });
    expect(found.map((line) => line.level)).toEqual(expected);
  });

  it("writes nothing when silent", async () => {
    expect(await written({ level: "silent" }, (logger) => logger.error({}, "no"))).toBe("");
  });

  it("adds a child's fields to each of its lines, and to its children's", async () => {
    const [line] = await lines({}, (logger) =>
      logger.child({ request_id: "r" }).child({ method: "m" }).info({}, "done"),
    );
    expect(line).toMatchObject({ request_id: "r", method: "m", msg: "done" });
  });

  it("writes an error with its reason and stack", async () => {
    const error = new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", "disk full", {
      cause: new Error("ENOSPC"),
    });
    const [line] = await lines({}, (logger) => logger.error({ err: error }, "failed"));
    expect(line!.err).toMatchObject({ type: "WeirError", reason: "LOG_UNAVAILABLE", code: "UNAVAILABLE" });
    expect(line!.err).toMatchObject({ stack: expect.stringContaining("ENOSPC") });
  });

  it.each([
    ["at the top", (secrets: object) => secrets],
    ["in headers", (secrets: object) => ({ headers: secrets })],
    ["in a request's headers", (secrets: object) => ({ request: { headers: secrets } })],
    ["three levels down", (secrets: object) => ({ call: { request: { headers: secrets } } })],
  ])("never writes a secret %s", async (_, place) => {
    const secrets = {
      "x-api-key": "hush",
      authorization: "Bearer hush",
      key: "hush",
      secret: "hush",
      cookie: "hush",
    };
    const text = await written({}, (logger) => {
      logger.info(place(secrets) as Record<string, unknown>, "call");
      logger.child(place(secrets) as Record<string, unknown>).info({}, "call");
    });
    expect(text).not.toContain("hush");
    expect(text).toContain("[redacted]");
  });

  it("keeps the order of lines, however many wait", async () => {
    const found = await lines({}, (logger) => {
      for (let i = 0; i < 5000; i++) logger.info({ i }, "line");
    });
    expect(found.map(({ i }) => i)).toEqual(Array.from({ length: 5000 }, (_, i) => i));
  });

  it("drops lines instead of growing without bound, and says how many", async () => {
    const found = await lines({}, (logger) => {
      for (let i = 0; i < 100; i++) logger.info({ text: "x".repeat(100_000) }, "line");
    });
    const kept = found.filter(({ msg }) => msg === "line").length;
    expect(kept).toBeGreaterThan(30);
    expect(kept).toBeLessThan(50);
    expect(found.at(-1)).toMatchObject({ level: "warn", dropped: 100 - kept });
  });

  it("lets the process end though its reader stands still and goes away", async () => {
    const module = new URL("../../src/telemetry/logger.ts", import.meta.url).href;
    const script = `
      import { createLogger } from ${JSON.stringify(module)};
      const logger = createLogger();
      for (let i = 0; i < 100; i++) logger.info({ text: "x".repeat(100_000) }, "line");
      await logger.flush();
      logger.info({}, "after the end");
      console.error("flushed");
      process.exit(3);
    `;
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    const exited = once(child, "exit");
    const [said] = await once(child.stderr, "data");
    expect(String(said)).toBe("flushed\n");
    child.stdout.destroy();
    expect(await exited).toEqual([3, null]);
  });

  it.each([
    { end: "having flushed its lines", how: "await logger.flush();" },
    { end: "at once", how: "" },
  ])("lets the process go on and end $end, though no line can be written", async ({ how }) => {
    const module = new URL("../../src/telemetry/logger.ts", import.meta.url).href;
    const script = `
      import { setImmediate } from "node:timers/promises";
      import { createLogger } from ${JSON.stringify(module)};
      const logger = createLogger({ pretty: false });
      for (let i = 0; i < 100; i++) {
        logger.info({ text: "x".repeat(100_000) }, "line");
        await setImmediate();
      }
      ${how}
      console.error("alive");
      process.exit(3);
    `;
    const full = openSync("/dev/full", "w");
    const child = spawn(process.execPath, ["--input-type=module", "-e", script], {
      stdio: ["ignore", full, "pipe"],
    });
    closeSync(full);
    const exited = once(child, "exit");
    const [said] = await once(child.stderr!, "data");
    expect(String(said)).toBe("alive\n");
    expect(await exited).toEqual([3, null]);
  });

  it("writes coloured lines for people when asked, without secrets", async () => {
    const text = await written({ pretty: true }, (logger) =>
      logger.info({ port: 8080, key: "hush" }, "listening"),
    );
    expect(text).toContain("listening");
    expect(text).toContain("port");
    expect(text).not.toContain("hush");
    expect(text).not.toMatch(/^\{/);
  });
});
