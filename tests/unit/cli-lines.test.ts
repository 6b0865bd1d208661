import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { splitLines } from "../../src/cli/send/lines.ts";

async function lines(chunks: readonly (string | Buffer)[], maxLineBytes = 1_000) {
  const found: [number, string | undefined][] = [];
  async function* source() {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  for await (const group of splitLines(source(), maxLineBytes)) {
    for (const { number, bytes } of group) found.push([number, bytes?.toString()]);
  }
  return found;
}

describe("splitLines", () => {
  it.each([
    ["nothing", [], []],
    ["one line without an end", ["a"], [[1, "a"]]],
    [
      "lines over pieces",
      ["a\nb", "c\n", "d"],
      [
        [1, "a"],
        [2, "bc"],
        [3, "d"],
      ],
    ],
    [
      "blank lines are numbered and left out",
      ["\n a\n \t\n\r\nb\n"],
      [
        [2, " a"],
        [5, "b"],
      ],
    ],
    [
      "Windows line ends",
      ["a\r", "\nb\r\n"],
      [
        [1, "a"],
        [2, "b"],
      ],
    ],
  ] as [string, string[], [number, string][]][])("%s", async (_name, chunks, expected) => {
    expect(await lines(chunks)).toEqual(expected);
  });

  it("keeps a line of the greatest length and reports a longer one, wherever it is cut", async () => {
    const text = "1234\n12345\nok\n";
    for (let cut = 0; cut <= text.length; cut++) {
      const found = await lines([text.slice(0, cut), text.slice(cut)], 4);
      expect(found).toEqual([
        [1, "1234"],
        [2, undefined],
        [3, "ok"],
      ]);
    }
    expect(await lines(["123", "45", "6789"], 4)).toEqual([[1, undefined]]);
  });

  it("agrees with a plain split, however the bytes come in pieces", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.stringMatching(/^[ab\n]*$/)), async (pieces) => {
        const plain = pieces
          .join("")
          .split("\n")
          .map((text, i) => [i + 1, text] as const)
          .filter(([, text]) => text !== "");
        expect(await lines(pieces)).toEqual(plain);
      }),
    );
  });
});
