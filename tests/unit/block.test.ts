import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  BrokenBlockError,
  blockCount,
  blockHeaderBytes,
  blockTime,
  createBlockBuilder,
  readBlock,
} from "../../src/domain/record/block.ts";

function build(records: readonly (readonly Uint8Array[] | undefined)[], madeAtMs = 0): Uint8Array {
  const builder = createBlockBuilder();
  for (const record of records) builder.add(record);
  return builder.build(madeAtMs);
}

function recordsOf(block: Uint8Array): (Uint8Array | undefined)[] {
  const records: (Uint8Array | undefined)[] = [];
  readBlock(block, (record, index) => {
    expect(index).toBe(records.length);
    records.push(record?.slice());
  });
  return records;
}

const text = (value: string) => new TextEncoder().encode(value);

describe("a block", () => {
  it("gives back what was put in, whatever the pieces and lengths", () => {
    const parts = fc.option(fc.array(fc.uint8Array({ maxLength: 300 }), { maxLength: 4 }), {
      nil: undefined,
    });
    fc.assert(
      fc.property(fc.array(parts, { maxLength: 40 }), fc.double({ noNaN: true }), (records, madeAtMs) => {
        const block = build(records, madeAtMs);
        expect(blockCount(block)).toBe(records.length);
        expect(blockTime(block)).toBe(madeAtMs);
        expect(recordsOf(block)).toEqual(
          records.map((record) => record && Uint8Array.from(record.flatMap((p) => [...p]))),
        );
      }),
    );
  });

  it("states its length before it is built", () => {
    const builder = createBlockBuilder();
    expect(builder.byteLength).toBe(blockHeaderBytes);
    for (const length of [0, 1, 127, 128, 16_383, 16_384]) builder.add([new Uint8Array(length)]);
    builder.add(undefined);
    expect(builder.count).toBe(7);
    expect(builder.build(0)).toHaveLength(builder.byteLength);
  });

  it("keeps its layout", () => {
    const block = build([[text("ab")], [text("c"), text("d")], undefined, []], 1);
    expect(Buffer.from(block).toString("hex")).toBe(
      `01${Buffer.from(block.subarray(1, 5)).toString("hex")}04000000000000000000f03f026162026364008000`,
    );
  });

  it("owns its memory, so that it can be handed to another thread", () => {
    const block = build([[text("ab")]]);
    expect(block.byteOffset).toBe(0);
    expect(block.buffer.byteLength).toBe(block.byteLength);
  });

  it("can be read out of the middle of other bytes", () => {
    const block = build([[text("ab")], [text("cd")]]);
    const around = new Uint8Array(block.length + 7);
    around.set(block, 3);
    expect(recordsOf(around.subarray(3, 3 + block.length))).toEqual([text("ab"), text("cd")]);
  });

  it("is refused whichever bit of it is flipped", () => {
    const block = build([[text("ab")], [text("cde")]], 5);
    for (let bit = 0; bit < block.length * 8; bit++) {
      const broken = block.slice();
      broken[bit >> 3]! ^= 1 << (bit & 7);
      expect(() => readBlock(broken, () => {}), `bit ${bit}`).toThrow(BrokenBlockError);
    }
  });

  it("is refused wherever it is cut off, and with bytes behind it", () => {
    const block = build([[text("ab")], [text("cde")]], 5);
    for (let length = 0; length < block.length; length++) {
      expect(() => readBlock(block.subarray(0, length), () => {}), `length ${length}`).toThrow(
        BrokenBlockError,
      );
    }
    expect(() => readBlock(Uint8Array.of(...block, 0), () => {})).toThrow(BrokenBlockError);
  });

  it("shows no record of a block that is broken", () => {
    const block = build([[text("ab")], [text("cde")]], 5);
    block[block.length - 1]! ^= 1;
    const seen: number[] = [];
    expect(() => readBlock(block, (_, index) => seen.push(index))).toThrow(BrokenBlockError);
    expect(seen).toEqual([]);
  });
});
