import { join } from "node:path";
import { parseAddress } from "../domain/address.ts";
import { maskPassword } from "../domain/secrets.ts";

/** Where the log is. */
export type LogPlace =
  | { readonly kind: "level"; readonly folder: string }
  | {
      readonly kind: "kafka";
      /** Addresses, `host:port`, of some brokers. */
      readonly brokers: readonly string[];
      readonly tls: boolean;
      /** What the names of the log's topics begin with. */
      readonly prefix: string;
    };

/** What is wrong, as the end of a sentence. */
export interface Problem {
  readonly problem: string;
}

export const logForm = "level:PATH, kafka://HOST:PORT,HOST:PORT/PREFIX or kafkas://… with TLS";
const defaultPrefix = "weir";

/** level:PATH, kafka://host:9092,host:9092/prefix, or kafkas:// for TLS; the prefix is weir where none is said. */
export function parseLogUrl(url: string): LogPlace | Problem {
  const level = /^level:(.+)$/s.exec(url);
  if (level !== null) return { kind: "level", folder: level[1]! };
  const kafka = /^(kafkas?):\/\/(.*)$/s.exec(url);
  if (kafka === null)
    return { problem: `${JSON.stringify(maskPassword(url))} is not of the form ${logForm}` };
  const [, scheme, rest] = kafka;
  if (rest!.includes("@")) {
    return {
      problem: "user and password have no place in its URL: use --kafka-username and WEIR_KAFKA_PASSWORD",
    };
  }
  const [addresses = "", ...path] = rest!.split("/");
  const brokers = addresses.split(",");
  const broken = brokers.find((broker) => parseAddress(broker) === undefined);
  if (broken !== undefined) {
    return { problem: `${JSON.stringify(broken)} is no broker's address of the form HOST:PORT` };
  }
  const prefix = path.join("/") || defaultPrefix;
  // With the longest ending of a topic's name it stays below the 249 characters that Kafka takes.
  if (!/^[\w.-]{1,200}$/.test(prefix) || /^\.\.?$/.test(prefix)) {
    return {
      problem: `${JSON.stringify(prefix)} cannot begin a topic's name: 1 to 200 letters, digits, ".", "_" and "-"`,
    };
  }
  return { kind: "kafka", brokers, tls: scheme === "kafkas", prefix };
}

/** Where the log is, by the settings. */
export function logPlace({ log, dataDir }: { readonly log: string; readonly dataDir: string }): LogPlace {
  if (log === "") return { kind: "level", folder: join(dataDir, "log") };
  const place = parseLogUrl(log);
  if ("problem" in place) throw new TypeError(`the setting was not checked: ${place.problem}`);
  return place;
}
