import { describe, expect, test } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import { isLoopback, parseAddress } from "../../src/domain/address.ts";
import { formatBytes, formatDuration, parseBytes, parseDuration } from "../../src/domain/duration.ts";

describe("settings", () => {
  test("a flag wins over its variable, which wins over the default", () => {
    expect(readConfig([], {}).partitions).toBe(8);
    expect(readConfig([], { WEIR_PARTITIONS: "4" }).partitions).toBe(4);
    expect(readConfig(["--partitions", "2"], { WEIR_PARTITIONS: "4" }).partitions).toBe(2);
  });

  test("an empty variable is as if it were not set", () => {
    expect(readConfig([], { WEIR_PARTITIONS: "" }).partitions).toBe(8);
  });

  test("a switch may stand without a value", () => {
    expect(readConfig(["--rebuild-store"], {}).rebuildStore).toBe(true);
  });

  test.each([
    [["--partitions", "0"], {}, /^--partitions: "0" is not a whole number from 1 to 1024$/],
    [[], { WEIR_MAX_BODY: "8 megabytes" }, /^WEIR_MAX_BODY: "8 megabytes" is not a size such as 8MiB/],
    [["--dedup-window", "soon"], {}, /^--dedup-window: "soon" is not a duration/],
    [["--retention", "-1s"], {}, /^--retention: "-1s" is not a duration/],
    [["--max-body", "-1"], {}, /^--max-body: "-1" is not a size/],
    [["--max-body", "--retention"], {}, /^Option '--max-body' argument is ambiguous$/],
    ...[
      "ht!tp://x",
      "https://a/b/c",
      "*",
      "a b",
      "https://*.example.com",
      "https://u@a",
      "a:65536",
      "https://",
    ].map((origin): [string[], Record<string, string>, RegExp] => [
      [],
      { WEIR_ALLOWED_ORIGINS: `https://app.example.com,${origin}` },
      /^WEIR_ALLOWED_ORIGINS: .* is not a comma-separated list of origins/,
    ]),
    [["--otlp-endpoint", "http://a:4318/v1/traces"], {}, /^--otlp-endpoint: \/v1\/traces is put behind it/],
    ...["http://a:4318#b", "http://a:4318/#", "http://a:4318?b", "http://a:4318?"].map(
      (url): [string[], Record<string, string>, RegExp] => [
        ["--otlp-endpoint", url],
        {},
        /^--otlp-endpoint: .* is not a URL of an OTLP\/HTTP collector/,
      ],
    ),
    [["--no-such-flag"], {}, /^Unknown option '--no-such-flag'/],
    [["stray"], {}, /^Unexpected argument 'stray'/],
    [["--listen", "8080"], {}, /^--listen: "8080" is not of the form HOST:PORT/],
    [["--listen", ""], {}, /^--listen: at least one address is needed$/],
    [
      ["--bootstrap-key-file", "key"],
      { WEIR_BOOTSTRAP_KEY: "0123456789abcdef01234567" },
      /^WEIR_BOOTSTRAP_KEY and --bootstrap-key-file say the same/,
    ],
    [["--tls-cert", "a.pem"], {}, /^--tls-cert and --tls-key go together/],
    [["--default-timeout", "30m", "--max-timeout", "20m"], {}, /^--default-timeout must not be greater/],
  ])("%j %j is refused in one line", (args, env, message) => {
    expect(() => readConfig(args, env)).toThrow(ConfigError);
    try {
      readConfig(args, env);
    } catch (error) {
      expect((error as Error).message).toMatch(message);
      expect((error as Error).message).not.toContain("\n");
    }
  });

  test("origins and hosts are read as browsers send them", () => {
    const written =
      "HTTPS://App.Example.com/, https://a.example:443,a.example:443, [::1]:8080,https://bücher.example/";
    expect(readConfig(["--allowed-origins", written], {}).allowedOrigins).toEqual([
      "https://app.example.com",
      "https://a.example",
      "a.example:443",
      "[::1]:8080",
      "https://xn--bcher-kva.example",
    ]);
  });

  test("a secret is no flag, and its value is not shown", () => {
    expect(() => readConfig(["--token-secret", "hunter2"], {})).toThrow(/Unknown option/);
    expect(() => readConfig([], { WEIR_TOKEN_SECRET: "hunter2" })).toThrow(/^(?!.*hunter2)/);
  });

  test.each(["127.0.0.1", "127.1.2.3", "::1", "localhost"])("%s is loopback", (host) => {
    expect(isLoopback(host)).toBe(true);
  });

  test.each(["0.0.0.0", "::", "10.0.0.1", "127.example.com"])("%s is not loopback", (host) => {
    expect(isLoopback(host)).toBe(false);
  });

  test("an IPv6 address stands in brackets", () => {
    expect(parseAddress("[::1]:8080")).toEqual({ host: "::1", port: 8080 });
    expect(parseAddress("127.0.0.1:65536")).toBeUndefined();
    expect(() => readConfig(["--listen", "127.0.0.1:65536"], {})).toThrow(ConfigError);
  });
});

test.each([
  ["250ms", 250],
  ["30s", 30_000],
  ["7d", 604_800_000],
  ["unlimited", Number.POSITIVE_INFINITY],
])("duration %s is %d ms and is written so again", (text, ms) => {
  expect(parseDuration(text)).toBe(ms);
  expect(formatDuration(ms)).toBe(text);
});

test.each([
  ["8MiB", 8 * 1024 ** 2],
  ["100B", 100],
  ["1GiB", 1024 ** 3],
])("size %s is %d bytes and is written so again", (text, bytes) => {
  expect(parseBytes(text)).toBe(bytes);
  expect(formatBytes(bytes)).toBe(text);
});

test.each(["", "5", "-1s", "1w", "s"])("%j is no duration", (text) => {
  expect(parseDuration(text)).toBeUndefined();
});
