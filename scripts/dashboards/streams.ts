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

/** Matcher of the methods that answer at once: a stream lasts as long as its caller likes. */
export const noStream = `method!~"${streams.join("|")}"`;
