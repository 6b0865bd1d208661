import * as http2 from "node:http2";
import type { AddressInfo, Socket } from "node:net";
import type { MessageInitShape } from "@bufbuild/protobuf";
import { durationFromMs } from "@bufbuild/protobuf/wkt";
import { type Code, ConnectError } from "@connectrpc/connect";
import { connectNodeAdapter } from "@connectrpc/connect-node";
import {
  EventIngestionService,
  HealthStatus,
  type IngestEventsResponseSchema,
  ProducerService,
} from "../../client/node/index.ts";
import { ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

type Answer = MessageInitShape<typeof IngestEventsResponseSchema>;
type Received = { id: string; userId: string };

/** A server that takes events into memory and fails as it is told to: for faults that a real one will not show. */
export interface EventServer {
  readonly url: string;
  /** Every event once, by user and id. */
  readonly events: Map<string, Received>;
  /** Events in each request so far. */
  readonly requests: number[];
  /** Runs before each request is taken; may throw, or answer in its place. */
  onRequest: (
    events: readonly Received[],
    request: number,
  ) => Answer | undefined | Promise<Answer | undefined>;
  /** Breaks every connection without a word. */
  cut(): void;
  close(): Promise<void>;
}

/** An error as the server makes it. */
export function weirError(code: Code, reason: string, message = reason, retryDelayMs?: number): ConnectError {
  const info = { desc: ErrorInfoSchema, value: { reason, domain: "weir" } };
  if (retryDelayMs === undefined) return new ConnectError(message, code, undefined, [info]);
  const retryDelay = durationFromMs(retryDelayMs);
  return new ConnectError(message, code, undefined, [info, { desc: RetryInfoSchema, value: { retryDelay } }]);
}

export async function startEventServer(port = 0): Promise<EventServer> {
  const sockets = new Set<Socket>();
  const take = async (events: readonly Received[]): Promise<Answer> => {
    server.requests.push(events.length);
    const special = await server.onRequest(events, server.requests.length);
    if (special !== undefined) return special;
    const known = server.events.size;
    for (const event of events) server.events.set(`${event.userId} ${event.id}`, event);
    const acceptedCount = server.events.size - known;
    return { acceptedCount, duplicateCount: events.length - acceptedCount, success: true };
  };
  const handler = connectNodeAdapter({
    routes(router) {
      router.service(EventIngestionService, {
        health: () => ({ status: HealthStatus.HEALTHY }),
        ingestEvents: ({ events }) => take(events),
      });
      router.service(ProducerService, {
        sendBatchEvents: async ({ events }) => {
          const { $typeName: _, ...answer } = (await take(events)) as Answer & { $typeName?: string };
          return answer;
        },
      });
    },
  });
  const listener = http2.createServer(handler);
  listener.on("connection", (socket: Socket) => {
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
  });
  await new Promise<void>((resolve) => listener.listen(port, "127.0.0.1", resolve));
  const server: EventServer = {
    url: `http://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    events: new Map(),
    requests: [],
    onRequest: () => undefined,
    cut() {
      for (const socket of sockets) socket.destroy();
    },
    close: () =>
      new Promise((resolve) => {
        listener.close(() => resolve());
        server.cut();
      }),
  };
  return server;
}
