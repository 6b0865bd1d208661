import type { Protocol } from "../domain/call.ts";
import type { Span, Tracing } from "../telemetry/tracing.ts";
import type { Exchange } from "./exchange.ts";
import type { MountedMethod } from "./methods.ts";

/** As OpenTelemetry's conventions name the systems; REST is the contract's own transcoding of the same methods. */
const systems = { grpc: "grpc", "grpc-web": "grpc", connect: "connect_rpc", rest: "connect_rpc" } as const;

/** The span of a call, under the one that the caller names by W3C trace context. Undefined where it is not sampled. */
export function beginCall(
  tracing: Tracing,
  exchange: Exchange,
  { name, desc }: MountedMethod,
  { protocol, requestId }: { readonly protocol: Protocol; readonly requestId: string },
): Span | undefined {
  return tracing.begin(name, {
    kind: "server",
    parent: exchange.header("traceparent"),
    state: exchange.header("tracestate"),
    attributes: {
      "rpc.system": systems[protocol],
      "rpc.service": desc.parent.typeName,
      "rpc.method": desc.name,
      "weir.protocol": protocol,
      "weir.request_id": requestId,
    },
  });
}
