/** How each protocol puts a request on the wire, byte by byte, so that a test can break it. */
import { type DescMethod, fromBinary, fromJson, type Message, toBinary, toJson } from "@bufbuild/protobuf";
import type { RestBinding } from "../../src/contract/bindings.ts";
import { contractRegistry } from "../../src/contract/registry.ts";
import {
  connectFailure,
  connectStreamFailure,
  envelopes,
  type Failure,
  grpcFailure,
  grpcWebFailure,
  restFailure,
} from "./failures.ts";
import type { RawAnswer, RawRequest } from "./http.ts";
import { bindingsOf, restRequest } from "./rest-request.ts";

export interface Wire {
  readonly name: string;
  readonly protocol: "connect" | "grpc" | "grpc-web" | "rest";
  /** Whether messages are JSON; else they are binary. */
  readonly json: boolean;
  /** Whether each message stands in an envelope. */
  readonly framed: boolean;
  /** The call; undefined where the method is not served so. */
  request(method: DescMethod, message: Message): RawRequest | undefined;
  /** Its message replaced by other bytes. */
  withMessage(request: RawRequest, bytes: Uint8Array): RawRequest;
  /** Its message replaced by bytes that are said to be gzip. */
  withGzip(request: RawRequest, bytes: Uint8Array): RawRequest;
  /** Its body replaced. @param bytes as they stand before base64 */
  withBody(request: RawRequest, bytes: Uint8Array): RawRequest;
  /** The error that an answer tells. @throws Error where it tells none */
  failure(answer: RawAnswer): Failure;
  /** The (first) message that an answer brings. @throws Error where it brings none */
  message(method: DescMethod, answer: RawAnswer): Message;
}

function connect(json: boolean): Wire {
  return {
    name: json ? "Connect JSON" : "Connect binary",
    protocol: "connect",
    json,
    framed: false,
    request: (method, message) => ({
      version: "1.1",
      verb: "POST",
      path: pathOf(method),
      headers: { "content-type": json ? "application/json" : "application/proto" },
      body: json ? jsonBytes(method, message) : toBinary(method.input, message),
    }),
    ...unframed,
    failure: connectFailure,
    message: (method, answer) => {
      if (answer.status !== 200) throw new Error(answer.body.toString());
      if (!json) return fromBinary(method.output, answer.body);
      return fromJson(method.output, JSON.parse(answer.body.toString()));
    },
  };
}

function grpc(name: string, version: RawRequest["version"], contentType: string): Wire {
  const base64 = contentType.includes("-text");
  const protocol = contentType.includes("-web") ? "grpc-web" : "grpc";
  const coded = (bytes: Uint8Array) => (base64 ? Buffer.from(Buffer.from(bytes).toString("base64")) : bytes);
  const decoded = ({ body }: RawAnswer) => (base64 ? fromBase64(body.toString()) : body);
  const failure = (answer: RawAnswer) =>
    protocol === "grpc" ? grpcFailure(answer) : grpcWebFailure(answer, decoded(answer));
  return {
    name,
    protocol,
    json: false,
    framed: true,
    request: (method, message) => ({
      version,
      verb: "POST",
      path: pathOf(method),
      headers: { "content-type": contentType, ...(protocol === "grpc" ? { te: "trailers" } : {}) },
      body: coded(envelope(toBinary(method.input, message))),
    }),
    withMessage: (request, bytes) => ({ ...request, body: coded(envelope(bytes)) }),
    withGzip: (request, bytes) => ({
      ...request,
      headers: { ...request.headers, "grpc-encoding": "gzip" },
      body: coded(envelope(bytes, 1)),
    }),
    withBody: (request, bytes) => ({ ...request, body: coded(bytes) }),
    failure,
    message: (method, answer) => {
      const body = decoded(answer);
      if (body.length === 0 || body[0] !== 0) throw new Error(JSON.stringify(failure(answer)));
      return fromBinary(method.output, body.subarray(5, 5 + body.readUInt32BE(1)));
    },
  };
}

const unframed: Pick<Wire, "withMessage" | "withGzip" | "withBody"> = {
  withMessage: (request, bytes) => ({ ...request, body: bytes }),
  withGzip: (request, bytes) => ({
    ...request,
    headers: { ...request.headers, "content-encoding": "gzip" },
    body: bytes,
  }),
  withBody: (request, bytes) => ({ ...request, body: bytes }),
};

export const rest: Wire = {
  name: "REST",
  protocol: "rest",
  json: true,
  framed: false,
  request: (method, message) => {
    const [binding] = bindingsOf(method);
    return binding === undefined ? undefined : restCall(binding, message);
  },
  ...unframed,
  failure: restFailure,
  message: (method, answer) => {
    if (answer.status >= 300) throw new Error(answer.body.toString());
    return fromJson(method.output, JSON.parse(answer.body.toString()));
  },
};

/** The call over one of the method's routes. */
export function restCall(binding: RestBinding, message: Message): RawRequest {
  const { verb, path, body } = restRequest(binding, binding.method.input, message);
  const sent = body === undefined ? {} : { body: Buffer.from(JSON.stringify(body)) };
  return { version: "1.1", verb, path, headers: { "content-type": "application/json" }, ...sent };
}

export const connectJson = connect(true);

/** As Connect takes methods without side effects. */
export const connectGet: Wire = {
  ...connectJson,
  name: "Connect GET",
  request: (method, message) => {
    const query = new URLSearchParams({
      connect: "v1",
      encoding: "json",
      message: jsonBytes(method, message).toString(),
    });
    return { version: "1.1", verb: "GET", path: `${pathOf(method)}?${query}`, headers: {} };
  },
};

export const wires: readonly Wire[] = [
  connectJson,
  connect(false),
  grpc("gRPC", "2", "application/grpc+proto"),
  grpc("gRPC-Web", "1.1", "application/grpc-web+proto"),
  grpc("gRPC-Web in base64", "1.1", "application/grpc-web-text"),
  rest,
];

/** Those that StreamEvents is served over: it takes HTTP/2, and so is refused over any other. */
export function streamWires(version: RawRequest["version"]): readonly Wire[] {
  return [
    connectStream(true, version),
    connectStream(false, version),
    grpc("gRPC", version, "application/grpc+proto"),
    grpc("gRPC-Web", version, "application/grpc-web+proto"),
  ];
}

function connectStream(json: boolean, version: RawRequest["version"]): Wire {
  const contentType = `application/connect+${json ? "json" : "proto"}`;
  return {
    ...grpc(`Connect streaming ${json ? "JSON" : "binary"}`, version, contentType),
    protocol: "connect",
    json,
    request: (method, message) => ({
      version,
      verb: "POST",
      path: pathOf(method),
      headers: { "content-type": contentType },
      body: envelope(json ? jsonBytes(method, message) : toBinary(method.input, message)),
    }),
    withGzip: (request, bytes) => ({
      ...request,
      headers: { ...request.headers, "connect-content-encoding": "gzip" },
      body: envelope(bytes, 1),
    }),
    failure: connectStreamFailure,
    message: (method, answer) => {
      const first = envelopes(answer.body)[0];
      if (first?.flags !== 0) throw new Error(JSON.stringify(connectStreamFailure(answer)));
      if (!json) return fromBinary(method.output, first.data);
      return fromJson(method.output, JSON.parse(first.data.toString()));
    },
  };
}

function pathOf(method: DescMethod): string {
  return `/${method.parent.typeName}/${method.name}`;
}

/** A message behind the five bytes of flags and length. */
export function envelope(bytes: Uint8Array, flags = 0): Buffer {
  const head = Buffer.alloc(5);
  head[0] = flags;
  head.writeUInt32BE(bytes.length, 1);
  return Buffer.concat([head, bytes]);
}

/** Each piece may be padded by itself. */
function fromBase64(text: string): Buffer {
  return Buffer.concat((text.match(/[^=]+=*/g) ?? []).map((piece) => Buffer.from(piece, "base64")));
}

function jsonBytes(method: DescMethod, message: Message): Buffer {
  return Buffer.from(JSON.stringify(toJson(method.input, message, { registry: contractRegistry })));
}
