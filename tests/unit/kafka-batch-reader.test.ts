import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBatches } from "../../src/log/kafka/batch-reader.ts";

// Somebody else's writing of the format.
const require = createRequire(import.meta.url);
const { RecordBatch } = require("kafkajs/src/protocol/recordBatch/v0");
const Record = require("kafkajs/src/protocol/recordBatch/record/v0");
const Long = require("kafkajs/src/utils/long");

const codecs = { none: 0, gzip: 1 };

const bytes = fc.uint8Array({ maxLength: 300 }).map((array) => Buffer.from(array));
const record = fc.record({
  key: fc.option(bytes),
  value: fc.option(bytes),
  delta: fc.integer({ min: -1_000_000, max: 2 ** 31 }),
  gap: fc.integer({ min: 1, max: 5 }),
  headers: fc.dictionary(
    fc.string({ maxLength: 20 }).map((name) => `h-${name}`),
    bytes,
    { maxKeys: 3, noNullPrototype: true },
  ),
});
const batch = fc.record({
  codec: fc.constantFrom("none" as const, "gzip" as const),
  firstOffset: fc.nat({ max: Number.MAX_SAFE_INTEGER - 1000 }),
  firstTimestamp: fc.nat({ max: 2 ** 45 }),
  transactional: fc.boolean(),
  producerId: fc.maxSafeNat(),
  firstSequence: fc.nat({ max: 2 ** 31 - 1 }),
  records: fc.array(record, { maxLength: 40 }),
});
type Batch = typeof batch extends fc.Arbitrary<infer T> ? T : never;

/** Offsets of its records within it; compaction leaves gaps. */
function places({ records }: Batch): number[] {
  let next = -1;
  return records.map(({ gap }) => {
    next += gap;
    return next;
  });
}

async function encoded(one: Batch): Promise<Buffer> {
  const { codec, firstOffset, firstTimestamp, transactional, producerId, firstSequence, records } = one;
  const at = places(one);
  const { buffer } = await RecordBatch({
    compression: codecs[codec],
    firstOffset: Long.fromNumber(firstOffset),
    firstTimestamp,
    maxTimestamp: firstTimestamp,
    lastOffsetDelta: at.at(-1) ?? 0,
    transactional,
    producerId: Long.fromNumber(producerId),
    firstSequence,
    records: records.map(({ key, value, delta, headers }, i) =>
      Record({ offsetDelta: at[i], timestampDelta: delta, key, value, headers }),
    ),
  });
  return buffer;
}

function expected(one: Batch) {
  const at = places(one);
  return one.records.map(({ key, value, delta }, i) => ({
    offset: one.firstOffset + at[i]!,
    timestamp: one.firstTimestamp + delta,
    key,
    value,
    batch: {
      firstOffset: one.firstOffset,
      lastOffset: one.firstOffset + at.at(-1)!,
      producerId: BigInt(one.producerId),
      firstSequence: one.firstSequence,
      maxTimestamp: one.firstTimestamp,
      inTransaction: one.transactional,
      isControl: false,
    },
  }));
}

async function decoded(from: Buffer) {
  const records = await decodeBatches(from);
  return records.map(({ offset, timestamp, key, value, batch: of }) => ({
    offset,
    timestamp,
    key,
    value,
    batch: of,
  }));
}

describe("record batches", () => {
  it("give their records, one batch after the other, without what was cut off at the end", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(batch, { maxLength: 4 }),
        batch,
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        async (batches, last, part) => {
          const whole = await Promise.all(batches.map(encoded));
          const cut = await encoded(last);
          const given = Buffer.concat([...whole, cut.subarray(0, Math.floor(part * cut.length))]);
          expect(await decoded(given)).toEqual(batches.flatMap(expected));
        },
      ),
      { numRuns: 100 },
    );
  });

  it("are refused where they are broken, and never read beyond their end", async () => {
    const broken = fc.tuple(
      batch,
      fc.array(fc.tuple(fc.nat(), fc.nat({ max: 255 })), { minLength: 1, maxLength: 3 }),
    );
    await fc.assert(
      fc.asyncProperty(broken, async ([one, changes]) => {
        const given = await encoded({ ...one, codec: "none" });
        for (const [place, byte] of changes) given[place % given.length] = byte;
        // Either it is something else now, or it is refused.
        const records = await decodeBatches(given).catch((error: unknown) => {
          expect(error).toBeInstanceOf(Error);
          return [];
        });
        for (const { key, value } of records) {
          expect((key?.length ?? 0) + (value?.length ?? 0)).toBeLessThan(given.length);
        }
      }),
      { numRuns: 300 },
    );
  });

  it.each([
    [2, "snappy"],
    [3, "lz4"],
    [4, "zstd"],
  ])("compressed by codec %i are refused by its name", async (codec, name) => {
    const given = Buffer.from(
      await RecordBatch({ records: [Record({ key: null, value: Buffer.from("a") })] }).then(
        ({ buffer }: { buffer: Buffer }) => buffer,
      ),
    );
    given.writeInt16BE(codec, 21);
    await expect(decodeBatches(given)).rejects.toThrow(`compressed by ${name}`);
  });

  it("have the broker's time where the topic says so, and know markers", async () => {
    const given: Buffer = await encoded({
      codec: "none",
      firstOffset: 5,
      firstTimestamp: 1000,
      transactional: true,
      producerId: 7,
      firstSequence: 0,
      records: [{ key: null, value: null, delta: 3, gap: 1, headers: {} }],
    });
    given.writeInt16BE(given.readInt16BE(21) | 0x08 | 0x20, 21);
    given.writeBigInt64BE(2000n, 35);
    expect(await decoded(given)).toMatchObject([{ offset: 5, timestamp: 2000, batch: { isControl: true } }]);
  });
});
