import { createHash, createHmac } from "node:crypto";
import { describe, expect, it } from "vitest";
import { createSeal } from "../../src/domain/seal.ts";
import { createPageTokens } from "../../src/query/page-token.ts";
import { createTokenCodec } from "../../src/visibility/token.ts";

const secret = Buffer.from("a secret of some length");
const body = Buffer.from("where the log of all projects ends");
const context = ["shop", { filter: "" }];
const sealOf = (more: { secret?: Buffer; purpose?: string } = {}) =>
  createSeal({ secret, purpose: "p", field: "cursor", refusal: "it was changed", ...more });

describe("what is sealed", () => {
  it("cannot be read, and says not even whether it is the same", () => {
    const seal = sealOf();
    // More of them than nonces are made at a time.
    const sealed = Array.from({ length: 2000 }, () => seal.close(body, context));
    expect(new Set(sealed).size).toBe(sealed.length);
    for (const text of sealed) {
      expect(Buffer.from(text, "base64url").includes(body.subarray(0, 8))).toBe(false);
      expect(seal.open(text, context)).toEqual(body);
    }
  });

  it("is refused for anything else, under another secret or purpose, and with any byte changed", () => {
    const text = sealOf().close(body, context);
    expect(() => sealOf().open(text, ["other", { filter: "" }])).toThrow(/it was changed/);
    expect(() => sealOf({ secret: Buffer.from("x") }).open(text, context)).toThrow(/it was changed/);
    expect(() => sealOf({ purpose: "q" }).open(text, context)).toThrow(/it was changed/);
    const bytes = Buffer.from(text, "base64url");
    for (let at = 0; at < bytes.length; at++) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => sealOf().open(changed.toString("base64url"), context)).toThrow(/it was changed/);
      expect(() => sealOf().open(bytes.toString("base64url", 0, at), context)).toThrow(/it was changed/);
    }
  });

  it("was only signed before, and is taken so, whatever it begins with", () => {
    const seal = sealOf();
    const asked = createHash("sha256").update(JSON.stringify(context)).digest();
    const firsts = new Set<number>();
    for (let i = 0; firsts.size < 256; i++) {
      const old = Buffer.from(`${body} ${i}`);
      const mac = createHmac("sha256", secret).update("p").update(asked).update(old).digest();
      firsts.add(mac[0]!);
      const text = Buffer.concat([mac.subarray(0, 16), old]).toString("base64url");
      expect(seal.open(text, context)).toEqual(old);
      expect(() => seal.open(text, ["other"])).toThrow(/it was changed/);
    }
  });
});

describe("offsets, which count everybody's events, do not show by the length", () => {
  const offsets = [0, 5, 127, 128, 2 ** 32, Number.MAX_SAFE_INTEGER];
  const same = (texts: readonly string[]) =>
    expect(new Set(texts.map(({ length }) => length)).size, texts.join("\n")).toBe(1);

  it("of a visibility token", () => {
    const codec = createTokenCodec(secret, "log-1");
    const tokens = offsets.map((offset) => codec.encode("shop", new Map([[3, offset]])));
    same(tokens);
    expect(tokens.map((token) => codec.decode(token, "shop").get(3))).toEqual(offsets);
  });

  it("of a page token", () => {
    const codec = createPageTokens(secret);
    const cursor = { timestampUs: 1_700_000_000_000_000, id: "e", userId: "u", partition: 3 };
    const tokens = offsets.map((offset) => codec.encode({ ...cursor, offset }, "shop", {}));
    same(tokens);
    expect(tokens.map((token) => codec.decode(token, "shop", {}).offset)).toEqual(offsets);
  });
});
