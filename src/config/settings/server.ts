/** The port, and the process as a whole. */
import { choice, duration, list, minute, origins, second, setting, text } from "./types.ts";

export const serverSettings = {
  listen: setting<readonly string[]>({
    flag: "listen",
    type: list,
    default: ["127.0.0.1:8080"],
    description: "Addresses to serve on; all serve the same. Port 0 takes a free one.",
  }),
  tlsCert: setting({
    flag: "tls-cert",
    type: text,
    default: "",
    description: "File of the TLS certificate chain (PEM); with it every address of --listen speaks TLS.",
  }),
  tlsKey: setting({
    flag: "tls-key",
    type: text,
    default: "",
    description: "File of the TLS private key (PEM).",
  }),
  allowedOrigins: setting<readonly string[]>({
    flag: "allowed-origins",
    type: origins,
    default: [],
    description: "Further browser origins and hosts that the server answers.",
  }),
  metricsListen: setting<readonly string[]>({
    flag: "metrics-listen",
    type: list,
    default: [],
    description:
      "Addresses that serve /metrics, /stats, /lag, /health and /ready alone, to whoever reaches them: without a key, and in the clear. Where all are loopback, Host and Origin are checked.",
  }),
  logLevel: setting<"error" | "warn" | "info" | "debug" | "silent">({
    flag: "log-level",
    type: choice("error", "warn", "info", "debug", "silent"),
    default: "info",
    description: "Least severe log lines to write to standard output.",
  }),
  shutdownTimeoutMs: setting({
    flag: "shutdown-timeout",
    type: duration(100, 10 * minute),
    default: 15 * second,
    description:
      "How long calls under way, and what other systems have to answer, may take to end when the server stops.",
  }),
};
