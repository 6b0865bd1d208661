/** How ClickHouse is spoken to. */
import { duration, minute, second, setting, text } from "./types.ts";

export const clickhouseSettings = {
  clickhousePassword: setting({
    flag: "clickhouse-password",
    type: text,
    default: "",
    secret: true,
    description: "Password of the user in --store; goes before one that stands in WEIR_STORE.",
  }),
  clickhouseInsertTimeoutMs: setting({
    flag: "clickhouse-insert-timeout",
    type: duration(second, 10 * minute),
    default: 30 * second,
    description: "After which ClickHouse ends an insert, which is tried again.",
  }),
};
