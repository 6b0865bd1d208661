/** The contract's messages, enums and services. MetricsService and AnalyticsService name their common requests apart. */
export * from "../../gen/analytics/v1/admin_pb.js";
export * from "../../gen/analytics/v1/analytics_events_pb.js";
export * from "../../gen/analytics/v1/analytics_funnel_pb.js";
export * from "../../gen/analytics/v1/analytics_live_pb.js";
export * from "../../gen/analytics/v1/analytics_paths_pb.js";
export * from "../../gen/analytics/v1/analytics_pb.js";
export * from "../../gen/analytics/v1/analytics_retention_pb.js";
export * from "../../gen/analytics/v1/analytics_series_pb.js";
export * from "../../gen/analytics/v1/analytics_summary_pb.js";
export * from "../../gen/analytics/v1/analytics_user_pb.js";
export * from "../../gen/analytics/v1/common_pb.js";
export * from "../../gen/analytics/v1/consumer_pb.js";
export * from "../../gen/analytics/v1/event_matcher_pb.js";
export * from "../../gen/analytics/v1/event_pb.js";
export * from "../../gen/analytics/v1/ingestion_pb.js";
export * from "../../gen/analytics/v1/metrics_pb.js";
export { Scope } from "../../gen/analytics/v1/options_pb.js";
export * from "../../gen/analytics/v1/producer_pb.js";
export {
  Health,
  HealthCheckResponse_ServingStatus,
} from "../../gen/grpc/health/v1/health_pb.js";
