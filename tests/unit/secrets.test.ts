import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { settings, variableOf } from "../../src/config/settings.ts";
import { maskSecrets } from "../../src/domain/secrets.ts";
import { catalogue } from "../../src/telemetry/catalogue.ts";

const tail = "aB3_-xY9kLmNoPqRsTuVwXyZ0123456789abcdefghi";

describe("what is logged or repeats a caller's words", () => {
  it.each([8, 9, 20, 42, 43, 60])(
    "tells no more of a secret's first %i characters than its prefix",
    (length) => {
      const piece = tail.repeat(2).slice(0, length);
      const percent = [...`weir_${piece}`].map((letter) => `%${letter.charCodeAt(0).toString(16)}`).join("");
      for (const written of [`weir_${piece}`, percent, percent.replaceAll("%", "%25")]) {
        expect(maskSecrets(`1:9: no field "${written}".`)).toBe('1:9: no field "weir_aB3_-xY…".');
      }
    },
  );

  it("leaves a prefix, by which people tell keys apart", () => {
    for (const text of ["weir_aB3_-xY", "weir_aB3_-xY…", "of weir_ and weir"])
      expect(maskSecrets(text)).toBe(text);
  });

  it("masks whatever is as long as a secret", () => {
    const whole = fc.stringMatching(/^[\w-]{43,60}$/);
    fc.assert(
      fc.property(whole, (secret) => {
        expect(maskSecrets(`x weir_${secret} y`)).toBe(`x weir_${secret.slice(0, 7)}… y`);
      }),
    );
  });

  it("names metrics, with what Prometheus puts behind them, and settings", () => {
    const names = Object.keys(catalogue).flatMap((name) =>
      ["", "_bucket", "_sum", "_count"].map((end) => name + end),
    );
    const variables = Object.values(settings).map(variableOf);
    const text = ["weir_rpc_duration_seconds_total", "weir_http2_sessions", ...names, ...variables].join(" ");
    expect(maskSecrets(text)).toBe(text);
  });
});
