/** Settings of log, store and roles: what goes together, what is refused, and what is made of them. */
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { ConfigError, readConfig } from "../../src/config/config.ts";
import { kafkaOf } from "../../src/config/kafka.ts";
import { logPlace } from "../../src/config/log-url.ts";
import { makeLogFolder, makeStorePlaces } from "../../src/config/places.ts";
import { storePlace } from "../../src/config/store-url.ts";
import { selfSigned } from "../support/certificate.ts";

const kafka = ["--log", "kafka://a:9092"];
const clickhouse = ["--store", "clickhouse://weir@ch"];

/** The line of what is refused. */
function refusal(args: string[], env: Record<string, string> = {}): string {
  try {
    readConfig(args, env);
  } catch (error) {
    expect(error).toBeInstanceOf(ConfigError);
    const { message } = error as Error;
    expect(message).not.toContain("\n");
    return message;
  }
  throw new Error(`${args.join(" ")} was not refused`);
}

describe("a log", () => {
  it.each([
    ["level:/var/log", { kind: "level", folder: "/var/log" }],
    ["", { kind: "level", folder: "data/log" }],
    ["kafka://a:9092", { kind: "kafka", brokers: ["a:9092"], tls: false, prefix: "weir" }],
    ["kafka://a:9092/", { kind: "kafka", brokers: ["a:9092"], tls: false, prefix: "weir" }],
    [
      "kafkas://a:9092,[::1]:9093/eu.web",
      { kind: "kafka", brokers: ["a:9092", "[::1]:9093"], tls: true, prefix: "eu.web" },
    ],
  ])("%j is read", (log, place) => {
    expect(logPlace(readConfig(["--log", log], {}))).toEqual(place);
  });

  it.each([
    ["kafka:a:9092", /^--log: "kafka:a:9092" is not of the form level:PATH, kafka:\/\/HOST:PORT/],
    ["level:", /^--log: "level:" is not of the form/],
    ["kafka://", /^--log: "" is no broker's address of the form HOST:PORT$/],
    ["kafka://a:9092,b", /^--log: "b" is no broker's address/],
    ["kafka://a:9092/a b", /^--log: "a b" cannot begin a topic's name/],
    ["kafka://a:9092/a/b", /^--log: "a\/b" cannot begin a topic's name/],
    ["kafka://a:9092/..", /^--log: "\.\." cannot begin/],
    [`kafka://a:9092/${"a".repeat(201)}`, /cannot begin/],
    ["kafka://a:9092?acks=1", /^--log: "a:9092\?acks=1" is no broker's address/],
    ["kafka://u:hunter2@a:9092", /use --kafka-username and WEIR_KAFKA_PASSWORD$/],
    ["kafka://u:hunt/er2@a:9092", /use --kafka-username and WEIR_KAFKA_PASSWORD$/],
    ["http://u:hunter2@a:9092", /^--log: "http:\/\/u:\*\*\*@a:9092" is not of the form/],
  ])("%j is refused", (log, says) => {
    const line = refusal(["--log", log]);
    expect(line).toMatch(says);
    expect(line).not.toMatch(/hunt/);
    expect(refusal([], { WEIR_LOG: log })).toBe(line.replace("--log", "WEIR_LOG"));
  });

  it("on Kafka has three topics of its prefix", () => {
    expect(kafkaOf(readConfig(["--log", "kafka://a:9092/eu"], {})).topics).toEqual({
      events: "eu.events",
      state: "eu.state",
      deadLetters: "eu.dead-letters",
    });
  });

  it("that is not on Kafka has none", () => {
    expect(() => kafkaOf(readConfig([], {}))).toThrow(/^--log \(WEIR_LOG\): it must name a log on Kafka/);
  });
});

describe("a store", () => {
  it.each([
    ["", {}, { kind: "duckdb", file: "data/store.duckdb" }],
    ["duckdb:/a/b.duckdb", {}, { kind: "duckdb", file: "/a/b.duckdb" }],
    ["clickhouse://ch", {}, { kind: "clickhouse", url: "clickhouse://ch" }],
    ["clickhouses://u:p@ch:8443/db", {}, { kind: "clickhouse", url: "clickhouses://u:p@ch:8443/db" }],
    [
      "clickhouse://u@ch/db",
      { WEIR_CLICKHOUSE_PASSWORD: "a/%41@ü" },
      { kind: "clickhouse", url: "clickhouse://u:a%2F%2541%40%C3%BC@ch/db" },
    ],
    [
      "clickhouse://u:old@ch",
      { WEIR_CLICKHOUSE_PASSWORD: "new" },
      { kind: "clickhouse", url: "clickhouse://u:new@ch" },
    ],
  ])("%j is read", (store, env, place) => {
    expect(storePlace(readConfig(kafka, { WEIR_STORE: store, ...env }))).toEqual(place);
  });

  it.each([
    [
      "clickhouse:ch",
      /^WEIR_STORE: "clickhouse:ch" is not of the form duckdb:PATH, clickhouse:\/\/USER@HOST/,
    ],
    ["clickhouse://", /is not of the form/],
    ["clickhouse://u:hunt/er2@ch", /^WEIR_STORE: "clickhouse:\/\/u:\*\*\*@ch" is not of the form/],
    ["http://u:hunter2@ch", /^WEIR_STORE: "http:\/\/u:\*\*\*@ch" is not of the form/],
    ["clickhouse://u:hunter2@ch/a-b", /^WEIR_STORE: "a-b" is no name of a database/],
    ["clickhouse://ch/db?secure=1", /^WEIR_STORE: its URL ends with the database$/],
  ])("%j is refused", (store, says) => {
    const line = refusal(kafka, { WEIR_STORE: store });
    expect(line).toMatch(says);
    expect(line).not.toMatch(/hunt/);
  });

  it("has no password on the command line, where others can see it", () => {
    expect(refusal([...kafka, "--store", "clickhouse://u:hunter2@ch"])).toBe(
      "--store: a password on the command line can be seen by others: use WEIR_CLICKHOUSE_PASSWORD",
    );
  });
});

describe("roles", () => {
  it.each([
    ["all", ["ingest", "consumer", "analytics"]],
    ["analytics, ingest,ingest", ["ingest", "analytics"]],
  ])("%j are read", (roles, read) => {
    expect(readConfig([...kafka, ...clickhouse, "--roles", roles], {}).roles).toEqual(read);
  });

  it("are all where none are said", () => {
    expect(readConfig([], { WEIR_ROLES: "" }).roles).toEqual(["ingest", "consumer", "analytics"]);
  });

  it("that are none, or unknown, are refused", () => {
    expect(refusal(["--roles", ","])).toBe("--roles: at least one role is needed");
    expect(refusal([], { WEIR_ROLES: "ingest,admin" })).toBe(
      'WEIR_ROLES: "admin" is none of ingest, consumer, analytics, all',
    );
  });
});

describe("log, store and roles", () => {
  it.each([
    [clickhouse, /^--store \(WEIR_STORE\): ClickHouse takes a log on Kafka/],
    [["--log", "level:a", ...clickhouse], /^--store \(WEIR_STORE\): ClickHouse takes a log on Kafka/],
    [["--roles", "ingest"], /^--roles \(WEIR_ROLES\): a log under a folder is one process's/],
    [[...kafka, "--roles", "consumer"], /^--roles \(WEIR_ROLES\): a DuckDB store is one process's/],
    [[...kafka, "--roles", "ingest,analytics"], /^--roles \(WEIR_ROLES\): a DuckDB store is one process's/],
  ])("%j are refused", (args, says) => {
    expect(refusal(args)).toMatch(says);
  });

  it.each([
    [[...kafka]],
    [[...kafka, "--roles", "ingest"]],
    [[...kafka, "--roles", "consumer,analytics"]],
    [[...kafka, ...clickhouse]],
    [[...kafka, ...clickhouse, "--roles", "consumer"]],
    [[...kafka, ...clickhouse, "--roles", "ingest,analytics"]],
  ])("%j go together", (args) => {
    expect(() => readConfig(args, {})).not.toThrow();
  });
});

describe("settings of Kafka", () => {
  const { cert, key } = selfSigned();
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "weir-config-"));
    writeFileSync(join(folder, "cert.pem"), cert);
    writeFileSync(join(folder, "key.pem"), key);
    writeFileSync(join(folder, "text.pem"), "no certificate");
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = (name: string) => join(folder, name);

  /** What is given to a client of Kafka. */
  const cluster = (args: string[], env: Record<string, string> = {}) =>
    kafkaOf(readConfig(args, env)).connection;

  it.each([
    [
      ["--kafka-sasl", "plain"],
      {},
      /^--kafka-sasl \(.*\): plain needs --kafka-username \(.*\) and WEIR_KAFKA_/,
    ],
    [["--kafka-sasl", "plain", "--kafka-username", "u"], {}, /: plain needs/],
    [["--kafka-sasl", "scram-sha-256"], { WEIR_KAFKA_PASSWORD: "hunter2" }, /: scram-sha-256 needs/],
    [["--kafka-sasl", "gssapi"], {}, /^--kafka-sasl: "gssapi" is not a none \| plain \| scram-sha-256/],
    [["--kafka-username", "u"], {}, /^--kafka-sasl \(WEIR_KAFKA_SASL\): it must say how brokers are told/],
    [[], { WEIR_KAFKA_PASSWORD: "hunter2" }, /^--kafka-sasl \(WEIR_KAFKA_SASL\): it must say how/],
    [["--kafka-password", "hunter2"], {}, /^Unknown option '--kafka-password'/],
    [["--kafka-cert", "a.pem"], {}, /^--kafka-cert and --kafka-key go together/],
    [["--kafka-ca", "a.pem"], {}, /^--kafka-ca \(WEIR_KAFKA_CA\): brokers are spoken to by TLS only where/],
    [["--kafka-group", ""], {}, /^--kafka-group: "" is not a name of 1 to 200 letters/],
    [["--kafka-replicas", "101"], {}, /^--kafka-replicas: "101" is not a whole number from 0 to 100/],
    [["--kafka-session-timeout", "0s"], {}, /^--kafka-session-timeout: "0s" is not a duration/],
  ])("%j %j are refused", (args, env, says) => {
    const line = refusal([...kafka, ...args], env);
    expect(line).toMatch(says);
    expect(line).not.toMatch(/hunter2/);
  });

  it("are not looked at where the log is not on Kafka", () => {
    expect(readConfig(["--kafka-username", "u"], {}).kafkaUsername).toBe("u");
  });

  it("make a connection, with what stands in files", () => {
    expect(cluster(kafka)).toEqual({ brokers: ["a:9092"] });
    const sasl = ["--kafka-sasl", "scram-sha-512", "--kafka-username", "u"];
    const log = ["--log", "kafkas://a:1,b:2"];
    const files = ["ca", "cert", "key"].flatMap((name) => [
      `--kafka-${name}`,
      file(name === "key" ? "key.pem" : "cert.pem"),
    ]);
    expect(cluster([...log, ...sasl, ...files], { WEIR_KAFKA_PASSWORD: "p" })).toEqual({
      brokers: ["a:1", "b:2"],
      tls: { ca: cert, cert, key },
      sasl: { mechanism: "scram-sha-512", username: "u", password: "p" },
    });
    expect(cluster(log)).toEqual({ brokers: ["a:1", "b:2"], tls: {} });
  });

  it.each([
    [
      "ca",
      "missing.pem",
      /^--kafka-ca \(WEIR_KAFKA_CA\): no certificate can be read from .*missing\.pem: ENOENT/,
    ],
    ["ca", "text.pem", /^--kafka-ca \(WEIR_KAFKA_CA\): no certificate can be read from .*text\.pem: /],
    ["cert", "text.pem", /^--kafka-cert \(WEIR_KAFKA_CERT\): no certificate can be read/],
    ["key", "text.pem", /^--kafka-key \(WEIR_KAFKA_KEY\): no private key of that certificate can be read/],
  ])("with %s in %s are refused", (name, path, says) => {
    const files = { ca: "cert.pem", cert: "cert.pem", key: "key.pem", [name]: path };
    const args = Object.entries(files).flatMap(([name, path]) => [`--kafka-${name}`, file(path)]);
    expect(() => cluster(["--log", "kafkas://a:1", ...args])).toThrow(says);
  });

  it("place the ids of a DuckDB store under the data directory, and an embedded log needs no such folder", () => {
    const places = (name: string, ...args: string[]) =>
      makeStorePlaces(readConfig([...args, "--data-dir", file(name)], {}));
    expect(places("a", ...kafka)).toEqual({
      storeFile: join(file("a"), "store.duckdb"),
      idFolder: join(file("a"), "ids"),
    });
    expect(readdirSync(file("a"))).toEqual(["ids"]);
    places("b");
    expect(readdirSync(file("b"))).toEqual([]);
    expect(makeLogFolder(readConfig(["--data-dir", file("c")], {}))).toBe(join(file("c"), "log"));
    expect(readdirSync(file("c"))).toEqual(["log"]);
  });
});
