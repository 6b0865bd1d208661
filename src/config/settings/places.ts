/** Which log and store there are, and what of the program this process runs. */
import type { Role } from "../../domain/roles.ts";
import { logUrl, roleSet, storeUrl } from "./place-types.ts";
import { folder, integer, setting } from "./types.ts";

export const placeSettings = {
  dataDir: setting({
    flag: "data-dir",
    type: folder,
    default: "./data",
    description: "Folder of the embedded log, store and state; one process at a time.",
  }),
  log: setting({
    flag: "log",
    type: logUrl,
    default: "",
    description:
      "URL of the log, with the prefix of its topics (weir where none is said); empty: level under the data directory.",
  }),
  store: setting({
    flag: "store",
    type: storeUrl,
    default: "",
    description:
      "URL of the store (database weir where none is said); empty: duckdb under the data directory. ClickHouse takes a log on Kafka.",
  }),
  partitions: setting({
    flag: "partitions",
    type: integer(1, 1024),
    default: 8,
    description: "Partitions of the log, fixed when it is created.",
  }),
  roles: setting<readonly Role[]>({
    flag: "roles",
    type: roleSet,
    default: roleSet.parse("all")!,
    description:
      "What this process does; fewer than all take a log on Kafka, and a DuckDB store wants consumer and analytics together.",
  }),
};
