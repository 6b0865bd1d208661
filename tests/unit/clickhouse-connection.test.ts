import type { AddressInfo } from "node:net";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, it, vi } from "vitest";
import { createConnection } from "../../src/store/clickhouse/connection.ts";

let server: Server;
afterEach(() => server.close());

async function serve(onSocket: (socket: Socket) => void): Promise<string> {
  server = createServer((socket) => {
    socket.on("error", () => {});
    onSocket(socket);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/weir`;
}

/** Answers each request with these bytes, then breaks the connection off. */
const breaksOffAfter = (answer: string) =>
  serve((socket) => socket.once("data", () => socket.write(answer, () => socket.destroy())));

const chunked = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
/** One column of one row. */
const block = "\u0001\u0001\u0001a\u0005UInt8\u0007";

it.each([
  ["before its first byte", chunked],
  ["within a block", `${chunked}5\r\n${block.slice(0, 5)}\r\n`],
  ["between two blocks", `${chunked}${block.length.toString(16)}\r\n${block}\r\n`],
  ["although it said how long it is", "HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"],
])("takes no answer for whole that is broken off %s", async (_, answer) => {
  const connection = createConnection({ url: await breaksOffAfter(answer), maxConnections: 1 });
  await expect(connection.table({ query: "SELECT 1", params: {} })).rejects.toThrow();
  await connection.close();
});

it("has room for the next question where the server answers nothing, not even that it ends the last one", async () => {
  let heard = "";
  const url = await serve((socket) => socket.on("data", (piece) => (heard += piece)));
  const connection = createConnection({ url, maxConnections: 1, killTimeoutMs: 50 });
  const ask = (query: string) =>
    connection.table({ query, params: {} }, { signal: AbortSignal.timeout(200) });
  await expect(ask("SELECT 'first'")).rejects.toThrow();
  await vi.waitFor(async () => {
    await expect(ask("SELECT 'next'")).rejects.toThrow();
    expect(heard).toContain("SELECT 'next'");
  }, 15_000);
  await connection.close();
});

it("begins nothing that was given up before", async () => {
  const url = await serve(() => {});
  const givenUp = new AbortController();
  const connection = createConnection({ url, maxConnections: 1, givenUp: givenUp.signal });
  const ask = (signal?: AbortSignal) =>
    connection.table({ query: "SELECT 1", params: {} }, signal ? { signal } : {});
  await expect(ask(AbortSignal.abort())).rejects.toThrow("the question was cancelled");
  givenUp.abort();
  await expect(ask()).rejects.toThrow("aborted");
  await expect(connection.command("SELECT 1")).rejects.toThrow("aborted");
  await expect(connection.insert("INSERT INTO events", Buffer.of(), 60_000)).rejects.toThrow("aborted");
  await connection.close();
});
