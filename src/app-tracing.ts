/** Part of the composition root: tracing, whose libraries are loaded only where it is asked for. */
import { hostname } from "node:os";
import type { Config } from "./config/config.ts";
import { packageVersion } from "./config/version.ts";
import type { Logger } from "./telemetry/logger.ts";
import { type Metrics, stageCounters } from "./telemetry/metrics.ts";
import type { Tracing } from "./telemetry/tracing.ts";

/** Undefined where no collector is set. */
export async function openTracing(
  config: Config,
  metrics: Metrics,
  logger: Logger,
): Promise<Tracing | undefined> {
  if (config.otlpEndpoint === "") return undefined;
  const { createOtlpTracing } = await import("./telemetry/otlp/tracing.ts");
  const tracing = createOtlpTracing({
    endpoint: config.otlpEndpoint,
    headers: config.otlpHeaders,
    ratio: config.traceRatio,
    resource: {
      "service.name": "weir",
      "service.version": packageVersion(),
      "service.instance.id": `${hostname()}:${process.pid}`,
      "weir.roles": config.roles.join(","),
    },
    logger: logger.child({ stage: "tracing" }),
  });
  metrics.observeTotal(...stageCounters.lostSpans, tracing.lost);
  return tracing;
}
