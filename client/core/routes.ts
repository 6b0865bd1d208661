import { type DescMethod, type DescService, getOption } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { planned } from "../../gen/analytics/v1/options_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { http } from "../../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../gen/google/api/http_pb.js";

/** One way to reach a method of the contract. */
export interface Route {
  /** HTTP method. */
  readonly verb: string;
  /** Path, with {placeholders} over REST. */
  readonly path: string;
  readonly method: DescMethod;
  /** Whether a later version answers it. */
  readonly planned: boolean;
}

const services: readonly DescService[] = [
  EventIngestionService,
  ProducerService,
  ConsumerService,
  AnalyticsService,
  MetricsService,
  AdminService,
];

/** Every REST route of the contract, and for each method the path of Connect, gRPC and gRPC-Web. */
export function listRoutes(): { rest: Route[]; rpc: Route[] } {
  const methods = services.flatMap((service) => service.methods);
  const route = (method: DescMethod, verb: string, path: string): Route => ({
    verb,
    path,
    method,
    planned: getOption(method, planned),
  });
  return {
    rest: methods.flatMap((method) => rules(method).map(([verb, path]) => route(method, verb, path))),
    rpc: methods.map((method) => route(method, "POST", `/${method.parent.typeName}/${method.name}`)),
  };
}

function rules(method: DescMethod): [string, string][] {
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings].flatMap(({ pattern }: HttpRule): [string, string][] =>
    pattern.case === undefined || pattern.case === "custom"
      ? []
      : [[pattern.case.toUpperCase(), pattern.value]],
  );
}
