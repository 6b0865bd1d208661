import { connect as connectHttp2 } from "node:http2";
import { connect as connectTcp } from "node:net";
import { createClient } from "@connectrpc/connect";
import { createConnectTransport, createGrpcTransport } from "@connectrpc/connect-node";
import { describe, expect, test, vi } from "vitest";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { bindService } from "../../src/domain/call.ts";
import { failure, http2Request } from "./transport-clients.ts";
import { startPort } from "./transport-support.ts";

/** A port whose SendEvent answers once it is told to. */
async function startHeld() {
  const { promise, resolve: release } = Promise.withResolvers<void>();
  let entered = 0;
  const service = bindService(ProducerService, {
    sendEvent: async () => {
      entered++;
      await promise;
      return { success: true };
    },
  });
  const port = await startPort({ services: [service] });
  return { port, release, entered: () => entered };
}

const event = { event: { userId: "u" } };

describe("a port that is closed", () => {
  test("answers the calls under way before it ends, over HTTP/1.1 and HTTP/2", async () => {
    const { port, release, entered } = await startHeld();
    const transports = [
      createGrpcTransport({ baseUrl: port.url }),
      createConnectTransport({ baseUrl: port.url, httpVersion: "1.1" }),
      createConnectTransport({ baseUrl: port.url, httpVersion: "2" }),
    ];
    const calls = transports.map((transport) => createClient(ProducerService, transport).sendEvent(event));
    await vi.waitFor(() => expect(entered()).toBe(3));
    let closed = false;
    const closing = port.transport.close(10_000).then(() => {
      closed = true;
    });
    // New connections are refused while the old ones are still answered.
    await expect(fetch(`${port.url}/health`)).rejects.toThrow();
    expect(closed).toBe(false);
    release();
    for (const answer of await Promise.all(calls)) expect(answer.success).toBe(true);
    await closing;
  });

  test("waits no longer than it is told to", async () => {
    const { port, entered } = await startHeld();
    const call = failure(
      createClient(ProducerService, createGrpcTransport({ baseUrl: port.url })).sendEvent(event),
    );
    await vi.waitFor(() => expect(entered()).toBe(1));
    await port.transport.close(50);
    await expect(call).resolves.toBeDefined();
  });

  test("ends streams, telling them why and to come again", async () => {
    const port = await startPort();
    const client = createClient(EventIngestionService, createGrpcTransport({ baseUrl: port.url }));
    const open = new AbortController();
    async function* requests() {
      yield { message: { case: "config" as const, value: {} } };
      await new Promise((resolve) => open.signal.addEventListener("abort", resolve));
    }
    const run = async () => {
      for await (const _ of client.streamEvents(requests()));
    };
    const ended = failure(run());
    await vi.waitFor(() => expect(port.seen.calls).toHaveLength(1));
    await port.transport.close(5000);
    expect(await ended).toEqual({ code: "Unavailable", reason: "SHUTTING_DOWN" });
    open.abort();
  });

  test("tells HTTP/2 connections to go away, and takes no more calls on them", async () => {
    const { port, release, entered } = await startHeld();
    const session = connectHttp2(port.url);
    const goaway = new Promise((resolve) => session.once("goaway", resolve));
    const request = createClient(
      ProducerService,
      createConnectTransport({ baseUrl: port.url, httpVersion: "1.1" }),
    ).sendEvent(event);
    await vi.waitFor(() => expect(entered()).toBe(1));
    await http2Request(port.url, { ":method": "GET", ":path": "/health" });
    const closing = port.transport.close(10_000);
    expect(await goaway).toBe(0);
    release();
    await request;
    await closing;
    expect(session.closed || session.destroyed).toBe(true);
  });

  test("answers a request that was on its way with a typed error", async () => {
    const { port, release, entered } = await startHeld();
    const client = createClient(ProducerService, createGrpcTransport({ baseUrl: port.url }));
    const held = client.sendEvent(event);
    await vi.waitFor(() => expect(entered()).toBe(1));
    const socket = connectTcp(Number(port.addresses[0]!.split(":").at(-1)), "127.0.0.1");
    let text = "";
    socket.on("data", (data) => {
      text += data.toString();
    });
    socket.write(
      "GET /health HTTP/1.1\r\nhost: localhost\r\n\r\nPOST /events HTTP/1.1\r\nhost: localhost\r\n",
    );
    await vi.waitFor(() => expect(text).toContain("200 OK"));
    const closing = port.transport.close(10_000);
    socket.write('content-type: application/json\r\ncontent-length: 15\r\n\r\n{"user_id":"u"}');
    await vi.waitFor(() => expect(text).toContain("HTTP/1.1 503"));
    expect(text).toContain("SHUTTING_DOWN");
    expect(text).toContain("RetryInfo");
    release();
    expect((await held).success).toBe(true);
    await closing;
    socket.destroy();
  });

  test("may be closed at rest, at once, and twice", async () => {
    const port = await startPort();
    await fetch(`${port.url}/health`);
    await http2Request(port.url, { ":method": "GET", ":path": "/health" });
    await port.transport.close(10_000);
    await port.transport.close(0);
  });
});
