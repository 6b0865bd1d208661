import { toJsonString } from "@bufbuild/protobuf";
import {
  type MetricsServiceGetMetricsResponse,
  MetricsServiceGetMetricsResponseSchema,
} from "../../gen/analytics/v1/metrics_pb.js";
import type { HistorySeries } from "./history.ts";

/** Proto JSON in the form of the REST answers: snake_case names, default values present. */
export function jsonOf(answer: MetricsServiceGetMetricsResponse): string {
  return toJsonString(MetricsServiceGetMetricsResponseSchema, answer, {
    useProtoFieldName: true,
    alwaysEmitImplicit: true,
  });
}

/** A header line, then a row for each sample (RFC 4180). */
export function csvOf(found: readonly HistorySeries[]): string {
  const rows = found.flatMap(({ series, samples }) =>
    samples.map(({ value }) => [series.name, series.kind, series.labelText, numberText(value)]),
  );
  return [["name", "type", "labels", "value"], ...rows]
    .map((row) => `${row.map(csvField).join(",")}\r\n`)
    .join("");
}

function csvField(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** As Prometheus writes it. */
function numberText(value: number): string {
  if (Number.isFinite(value)) return String(value);
  return value > 0 ? "+Inf" : "-Inf";
}
