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
const defaultPort = "8123";
const defaultDatabase = "weir";

/**
 * clickhouse://user:password@host:8123/database, or clickhouses:// over TLS; http:// and https:// say the same. The port
 * is 8123 where none is said, the database weir.
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
  if (url.port === "" && scheme.startsWith("clickhouse")) url.port = defaultPort;
  const database = url.pathname.slice(1) || defaultDatabase;
  if (!/^\w+$/.test(database)) {
    throw new StoreStartError(`${JSON.stringify(database)} is no name of a database: letters, digits and _`);
  }
  url.pathname = "/";
  const server = url.href;
  url.pathname = `/${database}`;
  return { http: url.href, server, database };
}
