import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { murmur2, partitionOf } from "../../src/domain/partition.ts";

const encoder = new TextEncoder();

describe("murmur2", () => {
  // From Kafka's own UtilsTest.
  it.each([
    ["21", -973932308],
    ["foobar", -790332482],
    ["a-little-bit-long-string", -985981536],
    ["a-little-bit-longer-string", -1486304829],
    ["lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971],
    ["abc", 479470107],
  ])("of %s is what Kafka says", (key, hash) => {
    expect(murmur2(encoder.encode(key))).toBe(hash);
  });
});

describe("the partition of a user", () => {
  it("lies within the number of partitions and goes by the UTF-8 bytes, for any text", () => {
    const text = fc.oneof(
      fc.string(),
      fc.string({ unit: "binary" }),
      fc.string({ maxLength: 600, size: "max" }),
    );
    fc.assert(
      fc.property(text, fc.integer({ min: 1, max: 1024 }), (userId, partitions) => {
        const partition = partitionOf(userId, partitions);
        expect(Number.isInteger(partition) && partition >= 0 && partition < partitions).toBe(true);
        expect(partition).toBe((murmur2(encoder.encode(userId)) & 0x7fffffff) % partitions);
      }),
    );
  });

  it("is that of Kafka's default partitioner", () => {
    expect(partitionOf("abc", 8)).toBe(479470107 % 8);
    expect(partitionOf("21", 8)).toBe((-973932308 & 0x7fffffff) % 8);
  });
});
