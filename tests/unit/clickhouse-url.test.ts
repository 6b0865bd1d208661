import { expect, it } from "vitest";
import { parseUrl } from "../../src/store/clickhouse/url.ts";

it.each([
  ["clickhouse://host", "http://host:8123/weir"],
  ["clickhouses://u:p@host", "https://u:p@host:8443/weir"],
  ["clickhouse://host:9000/shop", "http://host:9000/shop"],
  ["clickhouse://host:80/shop", "http://host/shop"],
  ["clickhouses://host:443/shop", "https://host/shop"],
  ["https://host/shop", "https://host/shop"],
])("%s is %s", (url, http) => {
  expect(parseUrl(url).http).toBe(http);
});
