import { maskPassword } from "../../domain/secrets.ts";
import { StoreStartError } from "../store.ts";

export interface ClickhouseUrl {
  /** For the client, with the database. */
  readonly http: string;
  /** The same without it. */
  readonly server: string;
  readonly database: string;
}

const protocols: Readonly<Record<string, string>> = {
  "clickhouse:": "http:",
  "clickhouses:": "https:",
  "http:": "http:",
  "https:": "https:",
};
const defaultPorts: Readonly<Record<string, string>> = { "clickhouse:": "8123", "clickhouses:": "8443" };
const defaultDatabase = "weir";

/**
 * clickhouse://user:password@host:8123/database, or clickhouses:// over TLS; http:// and https:// say the same. Where
 * they are not said the port is 8123, over TLS 8443, and the database weir.
 *
 * @throws StoreStartError
 */
export function parseUrl(text: string): ClickhouseUrl {
  const scheme = /^[a-z]+:/.exec(text)?.[0] ?? "";
  const protocol = protocols[scheme];
  const http = protocol === undefined ? undefined : `${protocol}${text.slice(scheme.length)}`;
  if (http === undefined || !URL.canParse(http)) {
    throw new StoreStartError(
      `${JSON.stringify(maskPassword(text))} is no URL of ClickHouse: clickhouse://host:8123/weir`,
    );
  }
  const url = new URL(http);
  const defaultPort = defaultPorts[scheme];
  // By its own scheme, for which no port goes without saying.
  if (defaultPort !== undefined && new URL(text).port === "") url.port = defaultPort;
  const database = url.pathname.slice(1) || defaultDatabase;
  if (!/^\w+$/.test(database)) {
    throw new StoreStartError(`${JSON.stringify(database)} is no name of a database: letters, digits and _`);
  }
  url.pathname = "/";
  const server = url.href;
  url.pathname = `/${database}`;
  return { http: url.href, server, database };
}
