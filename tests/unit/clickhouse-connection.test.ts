import type { AddressInfo } from "node:net";
import { createServer, type Server } from "node:net";
import { afterEach, expect, it } from "vitest";
import { createConnection } from "../../src/store/clickhouse/connection.ts";

let server: Server;
afterEach(() => server.close());

/** Answers each request with these bytes, then breaks the connection off. */
async function breaksOffAfter(answer: string): Promise<string> {
  server = createServer((socket) => {
    socket.on("error", () => {});
    socket.once("data", () => socket.write(answer, () => socket.destroy()));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/weir`;
}

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
