import { Health } from "../../gen/grpc/health/v1/health_pb.js";
import { ServerReflection } from "../../gen/grpc/reflection/v1/reflection_pb.js";
import { ServerReflection as ServerReflectionAlpha } from "../../gen/grpc/reflection/v1alpha/reflection_pb.js";
import { contractServices } from "../../src/contract/registry.ts";

const methods = [...contractServices, Health, ServerReflection, ServerReflectionAlpha].flatMap(
  (service) => service.methods,
);

const streams = methods
  .filter(({ methodKind }) => methodKind !== "unary")
  .map(({ parent, name }) => `${parent.typeName}/${name}`);

/** Matcher of the methods that answer at once. */
export const noStream = `method!~"${streams.join("|")}"`;

/** Of the methods that end by themselves, as exports do: other streams last as long as their callers like. */
export const noEndlessStream = `method!~"${streams.filter((name) => !name.endsWith("/ExportEvents")).join("|")}"`;
