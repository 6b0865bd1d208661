/** The contract's services, in the order of its documents, and every type that they speak of. */
import { createRegistry, type DescService } from "@bufbuild/protobuf";
import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import { ConsumerService } from "../../gen/analytics/v1/consumer_pb.js";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { MetricsService } from "../../gen/analytics/v1/metrics_pb.js";
import { ProducerService } from "../../gen/analytics/v1/producer_pb.js";
import { BadRequestSchema, ErrorInfoSchema, RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";

export const contractServices: readonly DescService[] = [
  EventIngestionService,
  ProducerService,
  ConsumerService,
  AnalyticsService,
  MetricsService,
  AdminService,
];

/** For reading and writing google.protobuf.Any and error details as JSON. */
export const contractRegistry = createRegistry(
  ...contractServices,
  ErrorInfoSchema,
  BadRequestSchema,
  RetryInfoSchema,
);
