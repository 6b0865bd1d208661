/** Answers a request with an error before any message was read, in the form of its protocol. */
import { base64Encode } from "@bufbuild/protobuf/wire";
import { encodeEnvelope } from "@connectrpc/connect/protocol";
import { endStreamFlag, endStreamToJson, errorToJson } from "@connectrpc/connect/protocol-connect";
import { setTrailerStatus } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { WeirError } from "../domain/errors.ts";
import { codeMappings, errorHeaders, httpStatusOf, toConnectError, toStatusJson } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import type { Wire } from "./wire.ts";

export interface ErrorAnswer {
  readonly status: number;
  readonly headers: Record<string, string>;
  readonly body: Uint8Array;
}

/** @param contentType the request's own, which gRPC and Connect streams answer with */
export function errorAnswer(error: WeirError, wire: Wire, contentType: string): ErrorAnswer {
  const text = new TextEncoder();
  // Where messages are enveloped the error stands in the last envelope, and the status says only that HTTP went well.
  const status = error.reason === "HTTP_VERSION_NOT_SUPPORTED" ? httpStatusOf(error) : 200;
  switch (wire) {
    case "grpc":
      return {
        status,
        headers: { "content-type": contentType, ...grpcStatus(error) },
        body: new Uint8Array(),
      };
    case "grpc-web":
    case "grpc-web-text": {
      const frame = encodeEnvelope(trailerFlag, trailerSerialize(new Headers(grpcStatus(error))));
      const body = wire === "grpc-web" ? frame : text.encode(base64Encode(frame));
      return { status, headers: { "content-type": contentType }, body };
    }
    case "connect-stream": {
      const end = endStreamToJson(new Headers(), toConnectError(error), undefined);
      const body = encodeEnvelope(endStreamFlag, text.encode(JSON.stringify(end)));
      return { status, headers: { "content-type": contentType }, body };
    }
    case "connect": {
      const body = text.encode(JSON.stringify(errorToJson(toConnectError(error), undefined)));
      return { status: connectStatus(error), headers: jsonHeaders(error), body };
    }
    case "rest": {
      const body = text.encode(JSON.stringify(toStatusJson(error)));
      return { status: httpStatusOf(error), headers: jsonHeaders(error), body };
    }
  }
}

export function respondError(exchange: Exchange, error: WeirError, wire: Wire): Promise<void> {
  const contentType = exchange.header("content-type") ?? "application/json";
  const { status, headers, body } = errorAnswer(error, wire, contentType);
  return exchange.respond(status, headers, body);
}

function jsonHeaders(error: WeirError): Record<string, string> {
  return { "content-type": "application/json", ...errorHeaders(error) };
}

/** Connect's own table, from which its clients may tell the code, differs from that of REST in places. */
function connectStatus(error: WeirError): number {
  const { code, reason } = error;
  const unknownCompression = code === "UNIMPLEMENTED" && reason === "UNSUPPORTED_MEDIA_TYPE";
  return unknownCompression || reason === "BODY_TOO_LARGE" ? codeMappings[code].http : httpStatusOf(error);
}

/** grpc-status, grpc-message and grpc-status-details-bin. */
export function grpcStatus(error: WeirError): Record<string, string> {
  return Object.fromEntries(setTrailerStatus(new Headers(), toConnectError(error)));
}
