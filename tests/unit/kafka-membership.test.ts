import { describe, expect, it } from "vitest";
import { decodeMetadata, encodeMetadata } from "../../src/log/kafka/membership/metadata.ts";
import {
  type AssignmentMode,
  assign,
  type Claim,
  decodeClaim,
  encodeClaim,
  noClaim,
} from "../../src/log/kafka/membership/strategy.ts";

const claim = (...partitions: number[]): Claim => ({ generation: 5, partitions });
const late = (...partitions: number[]): Claim => ({ generation: 6, partitions });

describe("the assignment of partitions to members", () => {
  it.each<{
    name: string;
    mode?: AssignmentMode;
    count: number;
    claims: Record<string, Claim>;
    gives: Record<string, number[]>;
  }>([
    { name: "gives a member alone everything", count: 3, claims: { a: noClaim }, gives: { a: [0, 1, 2] } },
    {
      name: "spreads what nobody has",
      count: 5,
      claims: { b: noClaim, a: noClaim },
      gives: { a: [0, 1, 2], b: [3, 4] },
    },
    {
      name: "moves nothing where nothing has changed, whoever has one more",
      count: 5,
      claims: { a: claim(1, 3), b: claim(0, 2, 4) },
      gives: { a: [1, 3], b: [0, 2, 4] },
    },
    {
      name: "takes from those who have most for one that joins, and no more than it must",
      count: 6,
      claims: { a: claim(0, 2, 4), b: claim(1, 3, 5), c: noClaim },
      gives: { a: [0, 2], b: [1, 3], c: [4, 5] },
    },
    {
      name: "gives away what one has left behind",
      count: 6,
      claims: { a: claim(0, 2), b: claim(1, 3) },
      gives: { a: [0, 2, 4], b: [1, 3, 5] },
    },
    {
      name: "believes the later of two who claim the same",
      count: 4,
      claims: { a: claim(0, 1, 2, 3), b: late(2, 3), c: late(0, 1) },
      gives: { a: [1], b: [2, 3], c: [0] },
    },
    {
      name: "leaves members without any where there are more of them than partitions",
      count: 1,
      claims: { a: noClaim, b: claim(0), c: noClaim },
      gives: { a: [], b: [0], c: [] },
    },
    {
      name: "ignores partitions that do not exist",
      count: 2,
      claims: { a: claim(7), b: noClaim },
      gives: { a: [0], b: [1] },
    },
    {
      name: "leaves everything to the one that has it",
      mode: "single",
      count: 3,
      claims: { a: noClaim, b: claim(0, 1, 2) },
      gives: { a: [], b: [0, 1, 2] },
    },
    {
      name: "gives everything to one of those who have nothing",
      mode: "single",
      count: 3,
      claims: { b: noClaim, a: noClaim },
      gives: { a: [0, 1, 2], b: [] },
    },
    {
      name: "leaves everything to the one that had it last, when a former one comes back",
      mode: "single",
      count: 3,
      claims: { a: claim(0, 1, 2), b: late(0, 1, 2) },
      gives: { a: [], b: [0, 1, 2] },
    },
  ])("$name", ({ mode = "spread", count, claims, gives }) => {
    const members = Object.entries(claims).map(([memberId, own]) => ({ memberId, claim: own }));
    expect(Object.fromEntries(assign(mode, count, members))).toEqual(gives);
  });

  it("always gives each partition once, evenly, and the same again", () => {
    for (let count = 1; count <= 12; count++) {
      for (let size = 1; size <= 14; size++) {
        const ids = Array.from({ length: size }, (_, i) => `member-${(i * 7) % size}-${i}`);
        // Some claims, of which several are of the same partitions.
        const members = ids.map((memberId, i) => ({
          memberId,
          claim: {
            generation: i % 3,
            partitions: Array.from({ length: (i * count) % 5 }, (_, k) => (i + k * 2) % count),
          },
        }));
        const given = assign("spread", count, members);
        expect([...given.values()].flat().sort((a, b) => a - b)).toEqual([...Array(count).keys()]);
        const sizes = [...given.values()].map(({ length }) => length);
        expect(Math.max(...sizes) - Math.min(...sizes)).toBeLessThanOrEqual(1);
        const again = ids.map((memberId) => ({ memberId, claim: late(...given.get(memberId)!) }));
        expect(Object.fromEntries(assign("spread", count, again))).toEqual(Object.fromEntries(given));
      }
    }
  });

  it("reads the claims that it writes, and takes others for none", () => {
    expect(decodeClaim(encodeClaim(claim(3, 1)))).toEqual(claim(3, 1));
    for (const text of ["", "{", "null", "[]", '{"generation":1,"partitions":[-1]}', '{"partitions":[1]}']) {
      expect(decodeClaim(Buffer.from(text))).toEqual(noClaim);
    }
  });
});

describe("a commit's metadata", () => {
  const mark = { end: 9, firstOffset: 7, producerId: "4001", sequence: 2, timeMs: 1_700_000_000_000 };

  it("are read as they were written", () => {
    for (const epoch of [0, 1, Number.MAX_SAFE_INTEGER]) {
      expect(decodeMetadata(encodeMetadata({ epoch }), 9)).toEqual({ epoch });
      expect(decodeMetadata(encodeMetadata({ epoch, mark }), 9)).toEqual({ epoch, mark });
    }
    const unnumbered = { ...mark, producerId: "-1", sequence: -1, timeMs: -1 };
    expect(decodeMetadata(encodeMetadata({ epoch: 3, mark: unnumbered }), 9).mark).toEqual(unnumbered);
  });

  it("say no epoch where they are none of ours, and are not guessed where they are of a later form", () => {
    for (const metadata of ["", "reset by hand", "weir"])
      expect(decodeMetadata(metadata, 9)).toEqual({ epoch: 0 });
    for (const metadata of [
      "weir/3 epoch=1",
      "weir/2 epoch=1",
      "weir/1 epoch=-1",
      "weir/1 epoch=",
      "weir/1 epoch=1 more=2",
    ]) {
      expect(() => decodeMetadata(metadata, 9)).toThrow(
        /this program reads weir\/1 and weir\/2: run the newer version/,
      );
    }
  });
});
