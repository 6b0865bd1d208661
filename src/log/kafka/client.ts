/**
 * One client of a Kafka cluster: where it is, how it is spoken to, and an end to it. kafkajs has no way to end what it
 * retries, so the end is made of two of its options: brokers that are no longer told, which is an error it does not
 * retry, and sockets that are destroyed.
 */
import net from "node:net";
import tls from "node:tls";
import { Kafka, type KafkaConfig, logLevel, type RetryOptions, type SASLOptions } from "kafkajs";

/** Where the cluster is and how it is spoken to. */
export interface KafkaConnection {
  /** Addresses, `host:port`, of some of its brokers; the others are learned from them. */
  readonly brokers: readonly string[];
  /** What brokers call this client in their logs and quotas. Default weir. */
  readonly clientId?: string;
  /** Absent: cleartext. Certificates are PEM; without `ca` the machine's own authorities are believed. */
  readonly tls?: {
    readonly ca?: string | Buffer;
    readonly cert?: string | Buffer;
    readonly key?: string | Buffer;
  };
  /** Absent: no authentication. */
  readonly sasl?: {
    readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
    readonly username: string;
    readonly password: string;
  };
  /** How long a connection may take to be made, in milliseconds. Default 3,000. */
  readonly connectionTimeoutMs?: number;
  /** How long an answer may take before the connection is given up, in milliseconds. Default 10,000. */
  readonly requestTimeoutMs?: number;
}

export interface KafkaClient {
  readonly kafka: Kafka;
  /** The options that kafkajs was given. */
  readonly config: KafkaConfig;
  /**
   * Destroys the connections and allows no more: whatever is under way fails soon. Resolves when the connections are gone.
   */
  close(): Promise<void>;
}

/**
 * @param retry how kafkajs shall repeat by itself what failed
 * @param onConnect called as each connection is begun, also those that kafkajs makes by itself
 */
export function createKafkaClient(
  connection: KafkaConnection,
  retry: RetryOptions,
  onConnect: () => void = () => {},
): KafkaClient {
  const sockets = new Set<net.Socket>();
  let closed = false;

  function connect(options: Parameters<NonNullable<KafkaConfig["socketFactory"]>>[0]): net.Socket {
    const { port, ssl, onConnect: whenConnected } = options;
    const host = options.host.replaceAll(writtenColon, ":");
    if (closed) throw new Error("the client is closed");
    onConnect();
    const servername = net.isIP(host) === 0 ? { servername: host } : {};
    const socket = ssl
      ? tls.connect({ host, port, ...servername, ...ssl }, whenConnected)
      : net.connect({ host, port }, whenConnected);
    socket.setKeepAlive(true, keepAliveMs);
    socket.setNoDelay(true);
    sockets.add(socket);
    socket.once("close", () => sockets.delete(socket));
    return socket;
  }

  const brokers = connection.brokers.map(withoutColons);
  const config: KafkaConfig = {
    // An empty list is an error that is not retried.
    brokers: () => (closed ? [] : [...brokers]),
    clientId: connection.clientId ?? "weir",
    ...(connection.tls ? { ssl: connection.tls as tls.ConnectionOptions } : {}),
    // A copy, since kafkajs keeps what it makes of it in it.
    ...(connection.sasl ? { sasl: { ...connection.sasl } as SASLOptions } : {}),
    connectionTimeout: connection.connectionTimeoutMs ?? 3000,
    requestTimeout: connection.requestTimeoutMs ?? 10_000,
    retry,
    socketFactory: connect,
    // What fails is thrown, and told where it matters.
    logLevel: logLevel.NOTHING,
  };

  return {
    kafka: new Kafka(config),
    config,
    async close() {
      closed = true;
      const gone = [...sockets].map(
        (socket) => new Promise<void>((resolve) => socket.once("close", () => resolve())),
      );
      for (const socket of sockets) socket.destroy(new Error("the client is closed"));
      await Promise.all(gone);
    },
  };
}

const keepAliveMs = 30_000;

/** In the place of an address's own colons, since kafkajs takes what is before the first one for the host. */
const writtenColon = "%3A";

/** `[::1]:9092` as one that kafkajs can take apart; others as they are. */
function withoutColons(broker: string): string {
  return broker.replace(/^\[(.*)\]/, (_, ip: string) => ip.replaceAll(":", writtenColon));
}
