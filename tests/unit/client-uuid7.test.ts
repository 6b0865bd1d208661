import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { createUuid7 } from "../../client/core/index.ts";

describe("createUuid7", () => {
  it("gives the example of RFC 9562 for its time and random bits", () => {
    const random = [0, 0, 0, 0, 0, 0, 0x0c, 0xc3, 0x18, 0xc4, 0xdc, 0x0c, 0x0c, 0x07, 0x39, 0x8f];
    const uuid7 = createUuid7({ now: () => 0x017f22e279b0, fillRandom: (bytes) => bytes.set(random) });
    expect(uuid7()).toBe("017f22e2-79b0-7cc3-98c4-dc0c0c07398f");
  });

  it("carries its time, version and variant, whatever the random bits", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 2 ** 48 - 1 }),
        fc.uint8Array({ minLength: 16, maxLength: 16 }),
        (now, random) => {
          const id = createUuid7({ now: () => now, fillRandom: (bytes) => bytes.set(random) })();
          expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
          expect(Number.parseInt(id.replace("-", "").slice(0, 12), 16)).toBe(now);
        },
      ),
    );
  });

  it("never gives the same id twice in ten thousand", () => {
    const uuid7 = createUuid7();
    expect(new Set(Array.from({ length: 10_000 }, uuid7)).size).toBe(10_000);
  });
});
