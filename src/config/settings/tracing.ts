/** Where spans go. */
import { type SettingType, setting } from "./types.ts";

const endpoint: SettingType<string> = {
  form: "URL of an OTLP/HTTP collector such as http://127.0.0.1:4318",
  parse: (t) => (/^https?:\/\/[^?#]+$/.test(t) && URL.canParse(t) ? t : undefined),
  format: (v) => v,
  problem(t) {
    if (!URL.canParse(t)) return undefined;
    const { username, password, pathname } = new URL(t);
    if (username !== "" || password !== "") return "credentials belong into WEIR_OTLP_HEADERS";
    if (/\/v1\/traces\/*$/.test(pathname)) return "/v1/traces is put behind it, so leave that out";
    return undefined;
  },
};

const headers: SettingType<Readonly<Record<string, string>>> = {
  form: "comma-separated list of NAME=VALUE",
  parse: (t) => {
    const pairs = t.split(",").map((pair) => /^\s*([\w-]{1,100})\s*=\s*([\x20-\x7e]*?)\s*$/.exec(pair));
    if (pairs.some((pair) => pair === null)) return undefined;
    return Object.fromEntries(pairs.map((pair) => [pair![1]!.toLowerCase(), pair![2]!]));
  },
  format: (v) => Object.keys(v).join(","),
};

const ratio: SettingType<number> = {
  form: "number from 0 to 1",
  parse: (t) => (/^(0|1|0?\.\d{1,9}|1\.0+)$/.test(t) ? Number(t) : undefined),
  format: String,
};

export const tracingSettings = {
  otlpEndpoint: setting({
    flag: "otlp-endpoint",
    type: endpoint,
    default: "",
    description:
      "OpenTelemetry collector that spans are sent to over OTLP/HTTP; nothing is traced without it.",
  }),
  otlpHeaders: setting({
    flag: "otlp-headers",
    type: headers,
    default: {},
    secret: true,
    description: "Headers sent to the collector, such as its key.",
  }),
  traceRatio: setting({
    flag: "trace-ratio",
    type: ratio,
    default: 1,
    description:
      "Part of the calls without a trace of their own that is traced; where a caller sends a traceparent, that decides.",
  }),
};
