/**
 * The request by which records are read, version 10, which every broker since 2.1 understands. kafkajs makes an object of
 * each record, of each of its headers and of each number in it, which took a third of the time of applying a log.
 */
import { decodeBatches, type FetchedRecord } from "./batch-reader.ts";
import { errorOf, type RawBroker, readCommitted } from "./internals.ts";

export interface FetchPosition {
  readonly partition: number;
  readonly offset: number;
  /** About how much to answer of this partition; a batch is always answered whole. */
  readonly maxBytes: number;
}

/** One partition's part of an answer. */
export interface FetchedPartition {
  readonly partition: number;
  /** Offset of the first record kept. */
  readonly startOffset: number;
  /** Offset behind the last record that no open transaction holds back. */
  readonly stableOffset: number;
  /** Offset behind the last record that all replicas in sync have. */
  readonly endOffset: number;
  /** Transactions that were given up, by their producers, and where each began. */
  readonly abortedTransactions: readonly { readonly producerId: bigint; readonly firstOffset: number }[];
  readonly records: readonly FetchedRecord[];
}

export interface FetchLimits {
  /** How long a broker that has nothing waits, in milliseconds. */
  readonly maxWaitMs: number;
  readonly maxBytes: number;
}

const apiKey = 1;
const apiVersion = 10;
/** Who is no broker. */
const noReplica = -1;
/** Of who has no session. */
const noSession = { id: 0, epoch: -1 };
const unknownEpoch = -1;
/** For the way there and back, beyond the wait, in milliseconds. */
const graceMs = 100;

/**
 * What a broker has at these positions, of partitions that it leads.
 *
 * @throws what errorOf makes of a broker's code
 */
export async function fetch(
  broker: RawBroker,
  topic: string,
  positions: readonly FetchPosition[],
  limits: FetchLimits,
): Promise<readonly FetchedPartition[]> {
  const payload = encodeRequest(topic, positions, limits);
  const answered = await broker.connectionPool.send({
    request: {
      apiKey,
      apiVersion,
      apiName: "Fetch",
      encode: async () => ({ buf: payload, buffer: payload }),
    },
    response: { decode: async (bytes) => decodeResponse(bytes), parse: async ({ partitions }) => partitions },
    requestTimeout: limits.maxWaitMs + graceMs,
  });
  return Promise.all(
    answered.map(async ({ batches, ...rest }) => ({ ...rest, records: await decodeBatches(batches) })),
  );
}

function encodeRequest(topic: string, positions: readonly FetchPosition[], limits: FetchLimits): Buffer {
  const name = Buffer.from(topic);
  const bytes = Buffer.alloc(35 + name.length + 28 * positions.length + 4);
  let at = bytes.writeInt32BE(noReplica, 0);
  at = bytes.writeInt32BE(limits.maxWaitMs, at);
  at = bytes.writeInt32BE(1, at); // least bytes
  at = bytes.writeInt32BE(limits.maxBytes, at);
  at = bytes.writeInt8(readCommitted, at);
  at = bytes.writeInt32BE(noSession.id, at);
  at = bytes.writeInt32BE(noSession.epoch, at);
  at = bytes.writeInt32BE(1, at); // topics
  at = bytes.writeInt16BE(name.length, at);
  at += name.copy(bytes, at);
  at = bytes.writeInt32BE(positions.length, at);
  // What does not fit into an answer is of the last ones: each has its turn to be first.
  const first = Math.floor(Math.random() * positions.length);
  for (let i = 0; i < positions.length; i++) {
    const { partition, offset, maxBytes } = positions[(first + i) % positions.length]!;
    at = bytes.writeInt32BE(partition, at);
    at = bytes.writeInt32BE(unknownEpoch, at);
    at = bytes.writeBigInt64BE(BigInt(offset), at);
    at = bytes.writeBigInt64BE(-1n, at); // a follower's first offset
    at = bytes.writeInt32BE(maxBytes, at);
  }
  bytes.writeInt32BE(0, at); // topics that a session forgets
  return bytes;
}

/** As FetchedPartition, its records as they came. */
type Answered = Omit<FetchedPartition, "records"> & { readonly batches: Buffer };

function decodeResponse(bytes: Buffer): { partitions: Answered[]; clientSideThrottleTime: number } {
  const clientSideThrottleTime = bytes.readInt32BE(0);
  check(bytes.readInt16BE(4));
  const partitions: Answered[] = [];
  let at = 10; // behind the session's id
  let topics = bytes.readInt32BE(at);
  for (at += 4; topics > 0; topics--) {
    at += 2 + bytes.readInt16BE(at);
    let count = bytes.readInt32BE(at);
    for (at += 4; count > 0; count--) {
      const partition = bytes.readInt32BE(at);
      check(bytes.readInt16BE(at + 4));
      const endOffset = Number(bytes.readBigInt64BE(at + 6));
      const stableOffset = Number(bytes.readBigInt64BE(at + 14));
      const startOffset = Number(bytes.readBigInt64BE(at + 22));
      at += 30;
      const abortedTransactions = [];
      let aborted = bytes.readInt32BE(at);
      for (at += 4; aborted > 0; aborted--) {
        const producerId = bytes.readBigInt64BE(at);
        abortedTransactions.push({ producerId, firstOffset: Number(bytes.readBigInt64BE(at + 8)) });
        at += 16;
      }
      const length = Math.max(0, bytes.readInt32BE(at));
      at += 4;
      const batches = bytes.subarray(at, at + length);
      at += length;
      partitions.push({ partition, startOffset, stableOffset, endOffset, abortedTransactions, batches });
    }
  }
  return { partitions, clientSideThrottleTime };
}

function check(errorCode: number): void {
  if (errorCode !== 0) throw errorOf(errorCode);
}
