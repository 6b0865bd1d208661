/**
 * Listens, and tells on each connection whether it speaks HTTP/1.1 or HTTP/2: in the clear by the first bytes that
 * come, with TLS by what the handshake agreed on (ALPN).
 *
 * The HTTP/1.1 server is the one that listens and wraps its own connection listener: Node enforces header and request
 * timeouts only for a server that does.
 */
import {
  createServer,
  type IncomingMessage,
  type Server,
  type ServerOptions,
  type ServerResponse,
} from "node:http";
import { createServer as createSecureServer } from "node:https";
import type { AddressInfo, Socket } from "node:net";
import type { TLSSocket } from "node:tls";
import { parseAddress } from "../domain/address.ts";
import type { Limits } from "./limits.ts";
import { malformedAnswer, type RefusalWatch } from "./malformed.ts";

export interface TlsOptions {
  /** PEM: the certificate with its chain. */
  readonly cert: string | Buffer;
  /** PEM: its private key. */
  readonly key: string | Buffer;
}

export interface ListenerOptions {
  readonly limits: Limits;
  /** Told of what is no request. */
  readonly refusals: RefusalWatch;
  readonly tls?: TlsOptions;
  readonly onRequest: (request: IncomingMessage, response: ServerResponse) => void;
  /** Takes a connection that speaks HTTP/2; absent: there are none. */
  readonly onHttp2?: (socket: Socket) => void;
}

export interface Listener {
  /** @returns the address with the port that was taken, such as 127.0.0.1:8080 or [::1]:8080 */
  listen(address: string): Promise<string>;
  /** Connections that are open, and how many were closed since there were as many as one address may have. */
  connections(): { open: number; refused: number };
  /** Takes no more connections and requests. */
  stop(): void;
  /** Ends every connection, whatever is under way on it. */
  destroy(): void;
}

const preface = Buffer.from("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "latin1");

export function createListener(options: ListenerOptions): Listener {
  const { limits, refusals, tls, onRequest, onHttp2 } = options;
  const servers: Server[] = [];
  const sockets = new Set<Socket>();
  let refused = 0;
  const serverOptions: ServerOptions = {
    maxHeaderSize: limits.maxHeaderBytes,
    headersTimeout: limits.headersTimeoutMs,
    requestTimeout: limits.requestTimeoutMs,
    keepAliveTimeout: limits.keepAliveMs,
    connectionsCheckingInterval: Math.max(100, Math.min(limits.headersTimeoutMs, 10_000) / 2),
    noDelay: true,
    // The front answers a request without a host, as every other.
    requireHostHeader: false,
  };
  const create = (): Server => {
    const server: Server =
      tls === undefined
        ? createServer(serverOptions)
        : createSecureServer({
            ...serverOptions,
            ...tls,
            ALPNProtocols: onHttp2 === undefined ? ["http/1.1"] : ["h2", "http/1.1"],
            handshakeTimeout: limits.sniffTimeoutMs,
          });
    server.maxConnections = limits.maxConnections;
    server.on("drop", () => {
      refused++;
    });
    server.on("request", onRequest);
    server.on("checkContinue", onRequest);
    // What else a caller expects is passed over: Node's own refusal would be nameless.
    server.on("checkExpectation", onRequest);
    server.on("clientError", (error: NodeJS.ErrnoException, socket: Socket) => {
      if (socket.writable && error.code !== "ECONNRESET") socket.end(malformedAnswer(error.code, refusals));
      else socket.destroy();
    });
    // Before the handshake nobody could read an answer. Node would take it for a clientError.
    server.removeAllListeners("tlsClientError");
    server.on("tlsClientError", (_error: Error, socket: Socket) => socket.destroy());
    if (onHttp2 !== undefined) {
      // As Node calls it: answers those who have ended their side.
      Object.assign(server, { httpAllowHalfOpen: true });
      const event = tls === undefined ? "connection" : "secureConnection";
      const [http1] = server.listeners(event) as ((socket: Socket) => void)[];
      server.removeAllListeners(event);
      const choose = tls === undefined ? chooseByPreface : chooseByAlpn;
      server.on(event, (socket: Socket) => {
        choose(socket, limits.sniffTimeoutMs, (http2) => {
          if (!http2) {
            // Who says that no more comes may still read, or be gone: no other sign of that comes until it is written to.
            socket.once("end", () => socket.setTimeout(limits.halfOpenMs, () => socket.destroy()));
            return http1!.call(server, socket);
          }
          // An HTTP/1.1 server handles half-closed connections itself; one of HTTP/2 would never see that one ended.
          socket.allowHalfOpen = false;
          onHttp2(socket);
        });
      });
    }
    server.on("connection", (socket: Socket) => {
      sockets.add(socket);
      socket.once("close", () => sockets.delete(socket));
    });
    return server;
  };
  return {
    listen: (address) => {
      const server = create();
      servers.push(server);
      const parsed = parseAddress(address);
      if (!parsed) throw new Error(`${address} is no address such as 127.0.0.1:8080 or [::1]:8080`);
      const { host, port } = parsed;
      return new Promise((resolve, reject) => {
        server.once("error", reject);
        server.listen({ host, port }, () => {
          server.off("error", reject);
          resolve(formatAddress(address, server.address() as AddressInfo));
        });
      });
    },
    connections: () => ({ open: sockets.size, refused }),
    stop: () => {
      for (const server of servers) server.close();
    },
    destroy: () => {
      for (const socket of sockets) socket.destroy();
    },
  };
}

/** Decides as soon as a byte differs from the preface, or all of it has come; puts back what it has read. */
function chooseByPreface(socket: Socket, timeoutMs: number, chosen: (http2: boolean) => void): void {
  let read = Buffer.alloc(0);
  const give = () => socket.destroy();
  const timer = setTimeout(give, timeoutMs).unref();
  const onReadable = () => {
    for (let chunk = socket.read(); chunk !== null; chunk = socket.read()) {
      read = Buffer.concat([read, chunk as Buffer]);
    }
    const length = Math.min(read.length, preface.length);
    const same = preface.compare(read, 0, length, 0, length) === 0;
    if (length === 0 || (same && length < preface.length)) return;
    clearTimeout(timer);
    socket.off("readable", onReadable);
    socket.off("error", give);
    socket.off("end", give);
    socket.unshift(read);
    chosen(same);
  };
  socket.on("readable", onReadable);
  // A caller who hangs up, or says nothing and ends, gets no server.
  socket.on("error", give);
  socket.on("end", give);
  socket.once("close", () => clearTimeout(timer));
}

function chooseByAlpn(socket: Socket, _timeoutMs: number, chosen: (http2: boolean) => void): void {
  chosen((socket as TLSSocket).alpnProtocol === "h2");
}

function formatAddress(address: string, { port }: AddressInfo): string {
  return address.replace(/\d+$/, String(port));
}
