import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { caughtUp, getJson, summary } from "../support/figures.ts";
import { expectKept, startLoad } from "../support/load.ts";
import { type RunningServer, startServer } from "../support/server.ts";

let dataDir: string;
let server: RunningServer;

async function start(...args: string[]): Promise<void> {
  server = await startServer({ dataDir, args });
}
beforeEach(async () => {
  dataDir = await mkdtemp(join(tmpdir(), "weir-shutdown-"));
});
afterEach(async () => {
  await server.stop();
  await rm(dataDir, { recursive: true });
});

/** A call that stays under way: its body never comes. */
async function callUnderWay(): Promise<Socket> {
  const { hostname, port } = new URL(server.url);
  const socket = connect(Number(port), hostname);
  await once(socket, "connect");
  const head = ["POST /v1/events HTTP/1.1", "host: localhost", "content-type: application/json"];
  socket.write(`${[...head, "content-length: 1000"].join("\r\n")}\r\n\r\n{`);
  // What was sent on another connection later has been answered: the server has the head above.
  await getJson(server.url, "/health");
  return socket;
}

describe.each(["SIGINT", "SIGTERM"] as const)("%s during load", (signal) => {
  it("ends the server with exit code 0, and all that it acknowledged is there after a restart", async () => {
    await start();
    const load = startLoad(server.url, "load");
    await load.until(() => load.acknowledged.size > 300);
    process.kill(server.pid, signal);
    expect(await server.exited).toBe(0);
    await load.until(() => load.refusals.length > 0);
    await load.stop();
    expect(server.log()).toContain('"msg":"stopped"');
    expect(server.log()).not.toContain('"level":"error"');
    expect(load.refusals.filter(({ code }) => code !== "Unavailable")).toEqual([]);

    await start();
    await expectKept(server.url, [load]);
  });
});

describe("a server that is stopped", () => {
  it("has applied or kept what was only queued", async () => {
    await start();
    const queued = Array.from({ length: 40 }, async (_, i) => {
      const response = await fetch(`${server.url}/events/async`, {
        method: "POST",
        headers: { "content-type": "application/json" },
        body: JSON.stringify({ id: `q-${i}`, user_id: `user-${i % 7}`, event_type: "tick" }),
      });
      expect(response.status).toBe(202);
    });
    await Promise.all(queued);
    process.kill(server.pid, "SIGTERM");
    expect(await server.exited).toBe(0);
    await start();
    expect(await caughtUp(server.url)).toBe(40);
    expect(await summary(server.url)).toMatchObject({ total_events: "40", unique_users: "7" });
  });

  it("cuts off a call that does not end by the shutdown's deadline, and still ends with exit code 0", async () => {
    await start("--shutdown-timeout", "200ms");
    const socket = await callUnderWay();
    const closed = text(socket).catch(() => "");
    process.kill(server.pid, "SIGTERM");
    expect(await server.exited).toBe(0);
    // Whatever it was told, it was not that the event was taken.
    expect(await closed).not.toMatch(/ 20\d /);
    expect(server.log()).toContain('"msg":"stopped"');
  });

  it("ends at once at the second signal, whatever is under way", async () => {
    await start("--shutdown-timeout", "10m");
    const socket = await callUnderWay();
    socket.on("error", () => {});
    process.kill(server.pid, "SIGINT");
    await vi.waitFor(() => expect(server.log()).toContain('"msg":"stopping'), { timeout: 20_000 });
    process.kill(server.pid, "SIGINT");
    expect(await server.exited).toBe(1);
    expect(server.log()).not.toContain('"msg":"stopped"');
    socket.destroy();
  });

  it("takes no connection, while calls under way may end", async () => {
    await start("--shutdown-timeout", "10m");
    const socket = await callUnderWay();
    const answer = text(socket);
    process.kill(server.pid, "SIGTERM");
    await vi.waitFor(() => expect(server.log()).toContain('"msg":"stopping'), { timeout: 20_000 });
    await vi.waitFor(() => expect(fetch(`${server.url}/health`)).rejects.toThrow(), { timeout: 20_000 });
    const event = { event: { id: "late", user_id: "alice", name: "tick" } };
    socket.write(JSON.stringify(event).slice(1).padEnd(999));
    expect(await answer).toMatch(/^HTTP\/1\.1 200 [\s\S]*"result":"INGEST_RESULT_ACCEPTED"/);
    expect(await server.exited).toBe(0);
    await start();
    await caughtUp(server.url);
    expect((await summary(server.url)).total_events).toBe("1");
  });
});
