import { describe, expect, it } from "vitest";
import { type NativeBlock, nativeBlocks } from "../../src/store/clickhouse/native/blocks.ts";
import { tableOf } from "../../src/store/clickhouse/native/table.ts";
import { parseType } from "../../src/store/clickhouse/native/types.ts";
import { createRowBinaryWriter } from "../../src/store/clickhouse/row-binary.ts";

function block(rows: number, ...columns: readonly [name: string, type: string, data: Buffer][]): Buffer {
  const writer = createRowBinaryWriter();
  writer.count(columns.length);
  writer.count(rows);
  for (const [name, type, data] of columns) {
    writer.text(name);
    writer.text(type);
    writer.raw(data);
  }
  return Buffer.from(writer.result());
}

async function* pieces(bytes: Buffer, size: number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size);
}

async function read(bytes: Buffer, size = bytes.length || 1) {
  const blocks: NativeBlock[] = [];
  for await (const one of nativeBlocks(pieces(bytes, size))) blocks.push(one);
  return tableOf(blocks);
}

const numbers = Buffer.from(new BigInt64Array([-1n, 2n ** 53n]).buffer);
const texts = Buffer.from("\u0001a\u0003\u00e9b");

describe("the Native format", () => {
  it.each([1, 2, 3, 7, 1000])("is read from pieces of %d bytes", async (size) => {
    const bytes = Buffer.concat([
      block(2, ["n", "Int64", numbers], ["t", "String", texts]),
      block(0, ["n", "Int64", Buffer.alloc(0)], ["t", "String", Buffer.alloc(0)]),
      block(2, ["n", "Int64", numbers], ["t", "String", texts]),
    ]);
    const { rowCount, columns } = await read(bytes, size);
    expect(rowCount).toBe(4);
    expect([...(columns[0] as Float64Array)]).toEqual([-1, 2 ** 53, -1, 2 ** 53]);
    expect(columns[1]).toEqual(["a", "\u00e9b", "a", "\u00e9b"]);
  });

  it("has NULL as NaN or null", async () => {
    const missing = Buffer.from([1, 0]);
    const bytes = block(
      2,
      ["n", "Nullable(Int64)", Buffer.concat([missing, numbers])],
      ["t", "Nullable(String)", Buffer.concat([missing, texts])],
    );
    const { columns } = await read(bytes);
    expect([...(columns[0] as Float64Array)]).toEqual([Number.NaN, 2 ** 53]);
    expect(columns[1]).toEqual([null, "\u00e9b"]);
  });

  it.each([
    [
      "an error that comes behind a block",
      Buffer.from("Code: 159. DB::Exception: Timeout exceeded (TIMEOUT_EXCEEDED)"),
    ],
    ["a type that no answer has", block(1, ["x", "IPv6", Buffer.alloc(16)])],
    ["a block that is not whole", block(2, ["n", "Int64", numbers]).subarray(0, 15)],
  ])("refuses %s", async (_, rest) => {
    const bytes = Buffer.concat([block(2, ["n", "Int64", numbers]), rest]);
    await expect(read(bytes)).rejects.toThrow(
      /^the answer (has no block where one should begin|ends within a block)/,
    );
  });

  it("names its types", () => {
    expect(parseType("Map(String, Array(UInt8))")).toEqual({ name: "Map", args: ["String", "Array(UInt8)"] });
    expect(parseType("Tuple(a String, `b c` Nullable(Float64))")).toEqual({
      name: "Tuple",
      args: ["String", "Nullable(Float64)"],
    });
    expect(parseType("DateTime64(6, 'UTC)')")).toEqual({ name: "DateTime64", args: ["6", "'UTC)'"] });
  });
});

describe("RowBinary", () => {
  it("holds texts of every length, and whole numbers of both signs", () => {
    const writer = createRowBinaryWriter();
    const long = "\u00e9".repeat(70_000);
    writer.text("");
    writer.text("\u00e9".repeat(63));
    writer.text("\u00e9".repeat(64));
    writer.text(long);
    for (const value of [-1, -(2 ** 53) + 1, 2 ** 53 - 1, -(2 ** 32)]) writer.int64(value);
    const bytes = writer.result();
    expect(bytes[0]).toBe(0);
    expect(bytes[1]).toBe(126);
    expect([...bytes.subarray(128, 130)]).toEqual([0x80, 1]);
    expect(bytes.subarray(bytes.length - 32 - 140_000, bytes.length - 32).toString()).toBe(long);
    const view = bytes.subarray(bytes.length - 32);
    expect([0, 8, 16, 24].map((at) => Number(view.readBigInt64LE(at)))).toEqual([
      -1,
      -(2 ** 53) + 1,
      2 ** 53 - 1,
      -(2 ** 32),
    ]);
  });
});
