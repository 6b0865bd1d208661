/** The request by which batches are sent, version 7, which every broker since 2.1 understands. */
import type { RawBroker } from "./internals.ts";

/** What became of one partition's batch. */
export interface Produced {
  readonly partition: number;
  /** 0: it is on all replicas in sync. */
  readonly errorCode: number;
  /** Offset of its first record. */
  readonly baseOffset: number;
  /** When the broker took it, in milliseconds since 1970; -1 where the topic keeps another time. */
  readonly appendedMs: number;
}

const apiKey = 0;
const apiVersion = 7;
/** Acknowledged by all replicas in sync. */
const allReplicas = -1;

/** Sends a batch to each of these partitions, all of which the broker leads. */
export function produce(
  broker: RawBroker,
  topic: string,
  batches: ReadonlyMap<number, Uint8Array>,
  timeoutMs: number,
): Promise<readonly Produced[]> {
  const payload = encodeRequest(topic, batches, timeoutMs);
  return broker.connectionPool.send({
    request: {
      apiKey,
      apiVersion,
      apiName: "Produce",
      encode: async () => ({ buf: payload, buffer: payload }),
    },
    response: { decode: async (bytes) => decodeResponse(bytes), parse: async ({ produced }) => produced },
  });
}

function encodeRequest(topic: string, batches: ReadonlyMap<number, Uint8Array>, timeoutMs: number): Buffer {
  const name = Buffer.from(topic);
  const head = Buffer.alloc(2 + 2 + 4 + 4 + 2 + name.length + 4);
  let at = head.writeInt16BE(-1, 0); // of no transaction
  at = head.writeInt16BE(allReplicas, at);
  at = head.writeInt32BE(timeoutMs, at);
  at = head.writeInt32BE(1, at); // topics
  at = head.writeInt16BE(name.length, at);
  at += name.copy(head, at);
  head.writeInt32BE(batches.size, at);
  const parts: Uint8Array[] = [head];
  for (const [partition, batch] of batches) {
    const prefix = Buffer.alloc(8);
    prefix.writeInt32BE(partition, 0);
    prefix.writeInt32BE(batch.length, 4);
    parts.push(prefix, batch);
  }
  return Buffer.concat(parts);
}

function decodeResponse(bytes: Buffer): { produced: Produced[]; clientSideThrottleTime: number } {
  const produced: Produced[] = [];
  let at = 4;
  for (let topics = bytes.readInt32BE(0); topics > 0; topics--) {
    at += 2 + bytes.readInt16BE(at);
    const count = bytes.readInt32BE(at);
    at += 4;
    for (let i = 0; i < count; i++) {
      const partition = bytes.readInt32BE(at);
      const errorCode = bytes.readInt16BE(at + 4);
      const baseOffset = Number(bytes.readBigInt64BE(at + 6));
      const appendedMs = Number(bytes.readBigInt64BE(at + 14));
      produced.push({ partition, errorCode, baseOffset, appendedMs });
      at += 4 + 2 + 8 + 8 + 8; // and the first offset kept, which nobody wants
    }
  }
  return { produced, clientSideThrottleTime: bytes.readInt32BE(at) };
}
