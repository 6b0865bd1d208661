import { Code, ConnectError, type Transport } from "@connectrpc/connect";

/**
 * Refuses the streams that fetch cannot carry, at once and with the reason, before a byte is sent: a browser cannot
 * read an answer while it is still writing the request.
 */
export function refuseRequestStreams(transport: Transport): Transport {
  return {
    unary: transport.unary.bind(transport),
    async stream(method, ...call) {
      if (method.methodKind !== "server_streaming") {
        throw new ConnectError(
          `${method.name} streams in both directions, which browsers cannot do: call ingestEvents with batches ` +
            "of events instead, or use the client for Node",
          Code.Unimplemented,
        );
      }
      return transport.stream(method, ...call);
    },
  };
}
