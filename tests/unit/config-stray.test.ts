import { expect, test } from "vitest";
import { connectionFlags } from "../../src/cli/connection.ts";
import { describeSettings } from "../../src/config/config.ts";
import { strayVariables } from "../../src/config/stray.ts";

test.each([
  ["WEIR_LISTN", "WEIR_LISTEN"],
  ["WEIR_DATADIR", "WEIR_DATA_DIR"],
  ["WEIR_LOG_LEVLE", "WEIR_LOG_LEVEL"],
  ["WEIR_STORE_THREAD", "WEIR_STORE_THREADS"],
])("%s is told of, with %s, and its value is not", (variable, nearest) => {
  expect(strayVariables({ [variable]: "value" })).toEqual([{ variable, nearest }]);
});

test("a variable that is near none is told of alone", () => {
  expect(strayVariables({ WEIR_PORT: "8080", WEIR_CHART_VERSION: "1" })).toEqual([
    { variable: "WEIR_PORT" },
    { variable: "WEIR_CHART_VERSION" },
  ]);
});

test("settings, what other commands read, and what is no variable of Weir's are not told of", () => {
  const read = [
    ...describeSettings().map(({ variable }) => variable),
    ...Object.values(connectionFlags).map(({ env }) => env),
    "WEIR_STARTED_BY",
    "PATH",
    "XWEIR_LISTEN",
  ];
  expect(strayVariables(Object.fromEntries(read.map((name) => [name, ""])))).toEqual([]);
});

test("what Kubernetes sets beside a service named weir is not told of", () => {
  const env = {
    WEIR_SERVICE_HOST: "10.0.0.1",
    WEIR_SERVICE_PORT: "8080",
    WEIR_SERVICE_PORT_HTTP: "8080",
    WEIR_PORT: "tcp://10.0.0.1:8080",
    WEIR_PORT_8080_TCP: "tcp://10.0.0.1:8080",
    WEIR_PORT_8080_TCP_ADDR: "10.0.0.1",
  };
  expect(strayVariables(env)).toEqual([]);
});
