import { createHash } from "node:crypto";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createIdHasher } from "../../src/domain/ids.ts";
import {
  blockKey,
  blockKeyOffset,
  idOffset,
  idPartition,
  idReceivedMs,
  newIdValue,
  writeIdValue,
} from "../../src/log/level/keys.ts";

type Identity = [project: string, userId: string, id: string];

const secret = Buffer.alloc(32, 7);

function prefixed(text: string): Buffer {
  const bytes = Buffer.from(text);
  const length = Buffer.alloc(4);
  length.writeUInt32LE(bytes.length);
  return Buffer.concat([length, bytes]);
}

describe("the hash of an identity", () => {
  const hashId = createIdHasher(secret);

  it("is the first 16 bytes of SHA-256 over secret and length-prefixed parts", () => {
    const text = fc.string({ unit: "grapheme", maxLength: 400 });
    fc.assert(
      fc.property(text, text, text, (project, userId, id) => {
        const sha256 = createHash("sha256").update(secret);
        for (const part of [project, userId, id]) sha256.update(prefixed(part));
        expect(Buffer.from(hashId(project, userId, id), "latin1")).toEqual(sha256.digest().subarray(0, 16));
      }),
    );
  });

  it.each<{ one: Identity; other: Identity }>([
    { one: ["p", "ab", "c"], other: ["p", "a", "bc"] },
    { one: ["pa", "b", "c"], other: ["p", "ab", "c"] },
    { one: ["p", "", "abc"], other: ["p", "abc", ""] },
  ])("tells $one from $other", ({ one, other }) => {
    expect(hashId(...one)).not.toBe(hashId(...other));
  });

  it("differs with the secret", () => {
    expect(createIdHasher(Buffer.alloc(32, 8))("p", "u", "i")).not.toBe(hashId("p", "u", "i"));
  });
});

describe("keys", () => {
  const partition = fc.integer({ min: 0, max: 1023 });
  const offset = fc.integer({ min: 0, max: 2 ** 48 - 1 });

  it("of blocks are in the order of partition and offset", () => {
    fc.assert(
      fc.property(partition, offset, partition, offset, (p1, o1, p2, o2) => {
        const order = Buffer.compare(blockKey(p1, o1), blockKey(p2, o2));
        expect(order).toBe(Math.sign(p1 - p2) || Math.sign(o1 - o2));
        expect(blockKeyOffset(blockKey(p1, o1))).toBe(o1);
      }),
    );
  });

  it("of ids lead to partition, offset and received time", () => {
    const value = newIdValue();
    fc.assert(
      fc.property(partition, offset, fc.integer({ min: 0, max: 2 ** 32 - 1 }), (p, o, seconds) => {
        writeIdValue(value, p, o, seconds * 1000 + 999);
        expect([idPartition(value), idOffset(value), idReceivedMs(value)]).toEqual([p, o, seconds * 1000]);
      }),
    );
  });

  it("keep a received time out of range at the nearest that can be kept", () => {
    const value = newIdValue();
    writeIdValue(value, 0, 0, -1);
    expect(idReceivedMs(value)).toBe(0);
    writeIdValue(value, 0, 0, 1e15);
    expect(idReceivedMs(value)).toBe((2 ** 32 - 1) * 1000);
  });
});
