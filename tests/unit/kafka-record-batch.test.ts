import { createRequire } from "node:module";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { crc32c } from "../../src/log/kafka/crc32c.ts";
import {
  type BatchOptions,
  type BatchRecord,
  encodeBatch,
  encodeHeaders,
  recordBytes,
} from "../../src/log/kafka/record-batch.ts";

// Somebody else's reading of the format.
const require = createRequire(import.meta.url);
const Decoder = require("kafkajs/src/protocol/decoder");
const decodeBatch = require("kafkajs/src/protocol/recordBatch/v0/decoder");

const options: BatchOptions = {
  producerId: "4611686018427387904",
  producerEpoch: 3,
  baseSequence: 2 ** 31 - 2,
  timestampMs: 1_700_000_000_123,
  compression: "none",
};

interface Plain {
  readonly key: string;
  readonly value: string | null;
  readonly headers: Readonly<Record<string, string>>;
}

/** Values in two pieces. */
const record = ({ key, value, headers }: Plain): BatchRecord => {
  const bytes = value === null ? null : Buffer.from(value);
  const middle = Math.floor((bytes?.length ?? 0) / 2);
  return {
    key: Buffer.from(key),
    value: bytes && [bytes.subarray(0, middle), bytes.subarray(middle)],
    headers: encodeHeaders(headers),
  };
};

async function decoded(bytes: Buffer) {
  const batch = await decodeBatch(new Decoder(bytes));
  const text = (value: Buffer | null) => (value === null ? null : value.toString());
  return {
    ...batch,
    records: batch.records.map(
      ({ key, value, headers }: { key: Buffer; value: Buffer | null; headers: Record<string, Buffer> }) => ({
        key: text(key),
        value: text(value),
        headers: Object.fromEntries(Object.entries(headers).map(([name, header]) => [name, text(header)])),
      }),
    ),
  };
}

const text = fc.string({ unit: "grapheme", maxLength: 300 });
const plain = fc.record({
  key: text,
  value: fc.option(text),
  // Names that no object has from its prototype, where the other reading stumbles.
  headers: fc.dictionary(
    fc.string({ unit: "grapheme", maxLength: 20 }).map((name) => `h-${name}`),
    text,
    { maxKeys: 4, noNullPrototype: true },
  ),
});

describe("a batch of records", () => {
  it.each(["none", "gzip"] as const)(
    "compressed by %s holds its records, whatever they are",
    async (compression) => {
      await fc.assert(
        fc.asyncProperty(fc.array(plain, { minLength: 1, maxLength: 200 }), async (records) => {
          const bytes = await encodeBatch(records.map(record), { ...options, compression });
          expect((await decoded(bytes)).records).toEqual(records);
          expect(bytes.readUInt32BE(17)).toBe(crc32c(bytes.subarray(21)));
        }),
        { numRuns: 30 },
      );
    },
  );

  it("says whose it is and which it is", async () => {
    const one = record({ key: "k", value: "v", headers: {} });
    expect(await decoded(await encodeBatch([one, one, one], options))).toMatchObject({
      firstOffset: "0",
      lastOffsetDelta: 2,
      firstTimestamp: "1700000000123",
      maxTimestamp: "1700000000123",
      producerId: "4611686018427387904",
      producerEpoch: 3,
      firstSequence: 2 ** 31 - 2,
      inTransaction: false,
      isControlBatch: false,
    });
  });

  it("takes no more than is reckoned", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(plain, { minLength: 1, maxLength: 50 }), async (plains) => {
        const records = plains.map(record);
        const reckoned = records.reduce((sum, one) => sum + recordBytes(one), 61);
        expect((await encodeBatch(records, options)).length).toBeLessThanOrEqual(reckoned);
      }),
      { numRuns: 30 },
    );
  });
});

describe("CRC-32C", () => {
  // From RFC 3720, B.4.
  it.each([
    { bytes: new Uint8Array(32), crc: 0x8a9136aa },
    { bytes: new Uint8Array(32).fill(0xff), crc: 0x62a8ab43 },
    { bytes: Uint8Array.from({ length: 32 }, (_, i) => i), crc: 0x46dd794e },
    { bytes: Buffer.from("123456789"), crc: 0xe3069283 },
    { bytes: new Uint8Array(), crc: 0 },
  ])("of $bytes.length bytes is what the standard says", ({ bytes, crc }) => {
    expect(crc32c(bytes)).toBe(crc);
  });
});
