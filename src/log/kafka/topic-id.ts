/** The id that a cluster gives a topic when it is made, by version 10 of the request for metadata (brokers since 2.8). */
import { pause } from "../../domain/pause.ts";
import { apiKeys, errorOf, type RawCluster } from "./internals.ts";
import { LogLostError } from "./loss.ts";

const apiVersion = 10;
/** A broker may not have heard yet of what another one tells. */
const secondLookMs = 1000;

/** @returns 32 hexadecimal digits; undefined where the cluster is too old to give topics ids */
export async function topicIdOf(cluster: RawCluster, topic: string): Promise<string | undefined> {
  const broker = await cluster.findControllerBroker();
  const most = broker.versions?.[apiKeys.metadata]?.maxVersion ?? 0;
  if (most < apiVersion) return undefined;
  const payload = encodeRequest(topic);
  return broker.connectionPool.send({
    request: {
      apiKey: apiKeys.metadata,
      apiVersion,
      apiName: "Metadata",
      encode: async () => ({ buf: payload, buffer: payload }),
    },
    response: {
      decode: async (bytes) => decodeResponse(bytes),
      parse: async ({ id }) => id,
    },
  });
}

/** @throws LogLostError where the topic is another one by now */
export async function checkTopicId(cluster: RawCluster, topic: string, expected: string): Promise<void> {
  const isOther = async () => {
    const id = await topicIdOf(cluster, topic);
    return id !== undefined && id !== expected;
  };
  if (!(await isOther())) return;
  await pause(secondLookMs, new AbortController().signal);
  if (await isOther()) throw topicRemade(topic);
}

export function topicRemade(topic: string): LogLostError {
  return new LogLostError(
    `topic ${topic} is not the one that the log was created with: it was deleted and made anew`,
  );
}

/** In Kafka's flexible form: lengths are one greater, and every structure ends with the number of its further fields. */
function encodeRequest(topic: string): Buffer {
  const name = Buffer.from(topic);
  return Buffer.concat([
    Buffer.from([0, 1 + 1]), // further fields of the request's header; one topic
    Buffer.alloc(16), // asked for by its name
    unsigned(name.length + 1),
    name,
    Buffer.from([0, 0, 0, 0, 0]), // further fields; not to be made, without operations of cluster and topic; further fields
  ]);
}

function decodeResponse(bytes: Buffer): { id: string | undefined; clientSideThrottleTime: number } {
  let at = 1; // behind the header's further fields
  const number = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = bytes.readUInt8(at++);
      value += (byte & 0x7f) * 2 ** shift;
      if (byte < 0x80) return value;
    }
  };
  const skipText = () => {
    const length = number() - 1;
    at += Math.max(0, length);
  };
  const skipFields = () => {
    for (let fields = number(); fields > 0; fields--) {
      number();
      const length = number();
      at += length;
    }
  };
  const clientSideThrottleTime = bytes.readInt32BE(at);
  at += 4;
  for (let brokers = number() - 1; brokers > 0; brokers--) {
    at += 4; // node
    skipText(); // host
    at += 4; // port
    skipText(); // rack
    skipFields();
  }
  skipText(); // cluster
  at += 4; // controller
  number(); // topics, of which one was asked for
  const errorCode = bytes.readInt16BE(at);
  at += 2;
  if (errorCode !== 0) throw errorOf(errorCode);
  skipText(); // name
  const id = bytes.toString("hex", at, at + 16);
  return { id: /^0+$/.test(id) ? undefined : id, clientSideThrottleTime };
}

function unsigned(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  bytes.push(rest);
  return Buffer.from(bytes);
}
