/** Settings that cannot be used: one line that names the setting, and exit code 2. */
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { selfSigned } from "../support/certificate.ts";
import { makeDataDirectory, removeDataDirectory } from "../support/pipeline.ts";
import { weir } from "../support/process.ts";
import { refusedStart } from "../support/refused-start.ts";
import { startServer } from "../support/server.ts";

let dataDir: string;
beforeEach(async () => {
  dataDir = await makeDataDirectory();
});
afterEach(() => removeDataDirectory(dataDir));

const inDir = (...path: string[]) => join(dataDir, ...path);

/** The one line of a start that is refused for a setting of it. */
async function refusal(...args: string[]): Promise<string> {
  const { code, line } = await refusedStart([
    "--listen",
    "127.0.0.1:0",
    ...(args.includes("--data-dir") ? [] : ["--data-dir", dataDir]),
    ...args,
  ]);
  expect(code, line).toBe(2);
  return line;
}

describe("a setting that cannot be used is refused", () => {
  it.each([
    {
      args: ["--bootstrap-key-file", "no-such-file"],
      says: /--bootstrap-key-file \(WEIR_BOOTSTRAP_KEY_FILE\): no key can be read from no-such-file: ENOENT/,
    },
    {
      args: ["--bootstrap-key-file", "LICENSE"],
      says: /--bootstrap-key-file \(.*\): the key must have 24 to 512 visible ASCII characters and no blanks/,
    },
    {
      args: ["--log", "kafka://127.0.0.1:9/weir", "--roles", "consumer"],
      says: /--roles \(WEIR_ROLES\): a DuckDB store is one process's, which is both consumer and analytics/,
    },
    {
      args: ["--store", "clickhouse://127.0.0.1:9/weir"],
      says: /--store \(WEIR_STORE\): ClickHouse takes a log on Kafka, not one under a folder/,
    },
    {
      args: ["--roles", "ingest"],
      says: /--roles \(WEIR_ROLES\): a log under a folder is one process's, which has every role/,
    },
    { args: ["--partitions", "0"], says: /--partitions: "0" is not a whole number from 1/ },
    { args: ["--partition", "8"], says: /Unknown option '--partition'/ },
    { args: ["--log-retention", "10s"], says: /--log-retention: "10s" is not a duration/ },
    {
      args: ["--store", "clickhouse://127.0.0.1"],
      says: /--store \(WEIR_STORE\): ClickHouse takes a log on Kafka/,
    },
    { args: ["--data-dir", ""], says: /--data-dir: a folder is needed/ },
    // An address of the documentation's network, which no machine has.
    {
      args: ["--listen", "192.0.2.1:0", "--auth", "open"],
      says: /--listen \(WEIR_LISTEN\) or .*EADDRNOTAVAIL/,
    },
  ])("$args", async ({ args, says }) => {
    expect(await refusal(...args)).toMatch(says);
  });
});

it("an address that is not loopback wants keys, and the log says where none is to be had", async () => {
  const server = await startServer({ dataDir, listen: "127.0.0.1:0,0.0.0.0:0" });
  expect((await fetch(`${server.url}/v1/analytics/summary`)).status).toBe(401);
  expect(await server.stop()).toBe(0);
  const advice = /keys are required and there is none: set WEIR_BOOTSTRAP_KEY, or stop and run weir ([^"]+)"/;
  const [, command] = advice.exec(server.log())!;
  const { code, stderr } = await weir(command!.split(" "), { env: { WEIR_DATA_DIR: dataDir } });
  expect(code, stderr).toBe(0);
});

it("an address that is not loopback is served openly where that is said", async () => {
  const server = await startServer({ dataDir, listen: "0.0.0.0:0", args: ["--auth", "open"] });
  expect((await fetch(new URL("/ready", server.url.replace("0.0.0.0", "127.0.0.1")))).status).toBe(200);
  expect(await server.stop()).toBe(0);
});

it("a misspelt variable is told of in one line of the log, without its value", async () => {
  const server = await startServer({ dataDir, env: { WEIR_PARTITION: "4" } });
  expect(await server.stop()).toBe(0);
  const lines = server
    .log()
    .split("\n")
    .filter((line) => line.includes("WEIR_PARTITION"));
  expect(lines.map((line) => JSON.parse(line))).toEqual([
    {
      time: expect.any(String),
      level: "warn",
      variable: "WEIR_PARTITION",
      nearest: "WEIR_PARTITIONS",
      msg: "WEIR_PARTITION is no setting and is ignored: is WEIR_PARTITIONS meant?",
    },
  ]);
});

describe("a place that cannot be used is refused", () => {
  it("when the data directory, or a folder above it, is a file", async () => {
    await writeFile(inDir("file"), "");
    for (const path of [inDir("file"), inDir("file", "below", "it")]) {
      const line = await refusal("--data-dir", path);
      expect(line).toBe(
        `weir serve: --data-dir (WEIR_DATA_DIR): the log cannot be kept in ${path}/log: ${inDir("file")} is not a folder`,
      );
    }
  });

  it("when the system makes no folder there, at once", async () => {
    const line = await refusal("--data-dir", "/proc/nope/data");
    expect(line).toMatch(
      /--data-dir \(WEIR_DATA_DIR\): the log cannot be kept in \/proc\/nope\/data\/log: E/,
    );
    expect(await refusal("--store", "duckdb:/proc/nope/store.duckdb")).toMatch(
      /--store \(WEIR_STORE\): the store cannot be kept in \/proc\/nope\/store\.duckdb: E/,
    );
  });

  it("when the log's folder is a file, or the store's file a folder", async () => {
    await writeFile(inDir("file"), "");
    expect(await refusal("--log", `level:${inDir("file")}`)).toMatch(
      /--log \(WEIR_LOG\): the log cannot be kept in .*\/file: .*\/file is not a folder/,
    );
    await mkdir(inDir("folder"));
    expect(await refusal("--store", `duckdb:${inDir("folder")}`)).toMatch(
      /--store \(WEIR_STORE\): the store cannot be kept in .*\/folder: it is a folder/,
    );
  });

  it("and a folder several levels down is made", async () => {
    const deep = inDir("several", "levels", "down");
    const server = await startServer({ dataDir: deep });
    expect(await server.stop()).toBe(0);
    expect(await readdir(deep)).toEqual(expect.arrayContaining(["log", "store.duckdb"]));
  });
});

it("another number of partitions than the log has is refused", async () => {
  const server = await startServer({ dataDir });
  expect(await server.stop()).toBe(0);
  expect(await refusal("--partitions", "4")).toMatch(
    /--partitions \(WEIR_PARTITIONS\): the log was created with 8 partitions and cannot be used with 4: say 8,/,
  );
  const again = await startServer({ dataDir, args: ["--partitions", "8"] });
  expect(await again.stop()).toBe(0);
});

describe("TLS is refused, and nothing is made,", () => {
  const { cert, key } = selfSigned();
  beforeEach(async () => {
    await writeFile(inDir("cert.pem"), cert);
    await writeFile(inDir("key.pem"), key);
    await writeFile(inDir("other.pem"), selfSigned().key);
    await writeFile(inDir("text.pem"), "no certificate");
  });

  it.each([
    ["missing.pem", "key.pem", /--tls-cert \(WEIR_TLS_CERT\): .*missing\.pem: ENOENT/],
    ["cert.pem", "missing.pem", /--tls-key \(WEIR_TLS_KEY\): .*missing\.pem: ENOENT/],
    ["text.pem", "key.pem", /--tls-cert \(WEIR_TLS_CERT\): no certificate can be read from .*text\.pem: /],
    ["cert.pem", "text.pem", /--tls-key \(WEIR_TLS_KEY\): no private key .* from .*text\.pem: /],
    [
      "cert.pem",
      "other.pem",
      /--tls-key \(WEIR_TLS_KEY\): no private key of that certificate .*other\.pem: /,
    ],
  ])("with certificate %s and key %s", async (certificate, privateKey, says) => {
    const files = ["--tls-cert", inDir(certificate), "--tls-key", inDir(privateKey)];
    expect(await refusal("--data-dir", inDir("data"), ...files)).toMatch(says);
    await expect(readdir(inDir("data"))).rejects.toThrow("ENOENT");
  });
});
