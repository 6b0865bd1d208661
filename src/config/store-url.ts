import { join } from "node:path";
import { maskPassword } from "../domain/secrets.ts";
import type { Problem } from "./log-url.ts";

/** Where the store is. */
export type StorePlace =
  | { readonly kind: "duckdb"; readonly file: string }
  /** The URL with the password. */
  | { readonly kind: "clickhouse"; readonly url: string };

export const storeForm = "duckdb:PATH, clickhouse://USER@HOST:PORT/DATABASE or clickhouses://… with TLS";

/** duckdb:PATH, clickhouse://user@host:8123/database, or clickhouses:// for TLS. */
export function parseStoreUrl(url: string): StorePlace | Problem {
  const duckdb = /^duckdb:(.+)$/s.exec(url);
  if (duckdb !== null) return { kind: "duckdb", file: duckdb[1]! };
  if (!/^clickhouses?:\/\//.test(url) || !URL.canParse(url) || new URL(url).host === "") {
    return { problem: `${JSON.stringify(maskPassword(url))} is not of the form ${storeForm}` };
  }
  const { pathname, search, hash } = new URL(url);
  if (!/^\/?\w*$/.test(pathname)) {
    return {
      problem: `${JSON.stringify(pathname.slice(1))} is no name of a database: letters, digits and _`,
    };
  }
  if (search !== "" || hash !== "") return { problem: "its URL ends with the database" };
  return { kind: "clickhouse", url };
}

/** Why a URL must not stand on the command line. */
export function exposedPassword(url: string): string | undefined {
  if (!/^clickhouses?:\/\/[^/]*:[^/]*@/.test(url)) return undefined;
  return "a password on the command line can be seen by others: use WEIR_CLICKHOUSE_PASSWORD";
}

export interface StoreUrlSettings {
  readonly store: string;
  readonly dataDir: string;
  /** Goes before the one in the URL; empty: that one. */
  readonly clickhousePassword: string;
}

/** Where the store is, by the settings. */
export function storePlace({ store, dataDir, clickhousePassword }: StoreUrlSettings): StorePlace {
  if (store === "") return { kind: "duckdb", file: join(dataDir, "store.duckdb") };
  const place = parseStoreUrl(store);
  if ("problem" in place) throw new TypeError(`the setting was not checked: ${place.problem}`);
  if (place.kind === "duckdb" || clickhousePassword === "") return place;
  const url = new URL(place.url);
  // What the setter leaves as it is, such as %, the client would decode.
  url.password = encodeURIComponent(clickhousePassword);
  return { kind: "clickhouse", url: url.href };
}
