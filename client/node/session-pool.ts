import type * as http2 from "node:http2";
import { Http2SessionManager } from "@connectrpc/connect-node";

export interface SessionPoolOptions {
  /** Address of the server. */
  url: string;
  /** The greatest number of connections. */
  sessions: number;
  /** Calls on each connection before another one is opened. */
  streamsPerSession: number;
  /** TLS and HTTP/2 settings of each connection. */
  nodeOptions: http2.ClientSessionOptions | http2.SecureClientSessionOptions;
}

/** What connect-node's transports ask of a connection, over several of them. */
export type SessionPool = Pick<Http2SessionManager, "authority" | "request" | "notifyResponseByteRead"> & {
  /** How many connections are open or being opened. */
  size(): number;
  /** Closes every connection and what runs on it. */
  close(): void;
};

/** An unanswered PING closes a connection after this, so that a call does not wait on one that is gone. */
const pingIntervalMs = 20_000;
const pingTimeoutMs = 10_000;

/**
 * Spreads calls over HTTP/2 connections to one server. One connection serves while it has few calls; another is opened
 * when all are full, since a connection is one TCP stream and its server end one thread. A broken connection is
 * replaced by the next call; one without calls for 15 minutes is closed.
 */
export function createSessionPool(options: SessionPoolOptions): SessionPool {
  const slots = Array.from({ length: options.sessions }, () => ({
    manager: new Http2SessionManager(options.url, { pingIntervalMs, pingTimeoutMs }, options.nodeOptions),
    calls: 0,
  }));
  const managers = new WeakMap<http2.ClientHttp2Stream, Http2SessionManager>();
  const heard = new WeakSet<http2.Http2Session>();

  /**
   * The manager lets go of a session that it closes, and an error of that session thereafter, such as another GOAWAY of a
   * server that stops, would end the process. Calls are told of theirs by their streams.
   */
  function hearErrors(session: http2.Http2Session | undefined): void {
    if (session === undefined || heard.has(session)) return;
    heard.add(session);
    session.on("error", () => {});
  }

  function pick() {
    let best = slots[0]!;
    for (const slot of slots) {
      if (slot.calls < options.streamsPerSession) return slot;
      if (slot.calls < best.calls) best = slot;
    }
    return best;
  }

  return {
    authority: slots[0]!.manager.authority,
    async request(method, path, headers, requestOptions) {
      const slot = pick();
      slot.calls++;
      try {
        const stream = await slot.manager.request(method, path, headers, requestOptions);
        managers.set(stream, slot.manager);
        hearErrors(stream.session);
        stream.once("close", () => slot.calls--);
        return stream;
      } catch (error) {
        slot.calls--;
        throw error;
      }
    },
    notifyResponseByteRead(stream) {
      managers.get(stream)?.notifyResponseByteRead(stream);
    },
    size() {
      return slots.filter(({ manager }) => !["closed", "error"].includes(manager.state())).length;
    },
    close() {
      for (const { manager } of slots) manager.abort();
    },
  };
}
