/** Mounts the methods on connect-es, which speaks Connect, gRPC and gRPC-Web, and bounds what it reads and answers. */
import type { DescMethod, Message } from "@bufbuild/protobuf";
import { ConnectError, type ConnectRouter, createContextKey, type HandlerContext } from "@connectrpc/connect";
import type {
  UniversalHandler,
  UniversalServerRequest,
  UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import { WeirError } from "../domain/errors.ts";
import { inOurForm } from "./answers.ts";
import { unpacked } from "./body.ts";
import type { CallContext, Calls } from "./calls.ts";
import { readEnvelopes } from "./envelopes.ts";
import { errorAnswer } from "./error-response.ts";
import { toConnectError, toWeirError } from "./errors.ts";
import { fromForeign } from "./foreign-errors.ts";
import { fromBase64, textContentType, toBase64 } from "./grpc-web-text.ts";
import { createJsonCopy, type JsonCopy } from "./json-copy.ts";
import { jsonOptionsOf } from "./json-reading.ts";
import { iterateUntilAborted } from "./lifetime.ts";
import type { MountedMethod } from "./methods.ts";
import type { ContentType } from "./wire.ts";

/** A call that the gate has let in, on its way through connect-es. */
export interface ConnectCall {
  readonly context: CallContext;
  readonly type: ContentType;
  /** The body as it comes. */
  chunks(): AsyncIterable<Uint8Array>;
}

export const connectCallKey = createContextKey<ConnectCall | undefined>(undefined, { description: "call" });

export interface ConnectOptions {
  readonly methods: readonly MountedMethod[];
  readonly calls: Calls;
  readonly maxBodyBytes: number;
}

export function mountConnect(router: ConnectRouter, { methods, calls, maxBodyBytes }: ConnectOptions): void {
  for (const method of methods) {
    const canonical = createHandler(router, method.desc, calls);
    const raw = method.raw === undefined ? canonical : createHandler(router, method.raw, calls);
    router.handlers.push(wrap(canonical, raw, maxBodyBytes));
  }
}

function createHandler(router: ConnectRouter, desc: DescMethod, calls: Calls): UniversalHandler {
  const contextOf = (context: HandlerContext) => context.values.get(connectCallKey)!.context;
  const implementations = {
    unary: (request: Message, context: HandlerContext) =>
      calls.unary(contextOf(context), desc.input, request).catch(rethrow),
    server_streaming: (request: Message, context: HandlerContext) =>
      rethrowing(calls.serverStream(contextOf(context), desc.input, request)),
    client_streaming: (requests: AsyncIterable<Message>, context: HandlerContext) =>
      calls.clientStream(contextOf(context), desc.input, reading(requests)).catch(rethrow),
    bidi_streaming: (requests: AsyncIterable<Message>, context: HandlerContext) =>
      rethrowing(calls.bidiStream(contextOf(context), desc.input, reading(requests))),
  };
  const before = router.handlers.length;
  router.rpc(desc, implementations[desc.methodKind] as never, { jsonOptions: jsonOptionsOf(desc.input) });
  return router.handlers.splice(before, 1)[0]!;
}

function rethrow(error: unknown): never {
  throw toConnectError(toWeirError(error));
}

async function* rethrowing<T>(answers: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* answers;
  } catch (error) {
    rethrow(error);
  }
}

/** A stream's messages; what keeps one from being read is the caller's fault, though the call is under way. */
async function* reading<T>(requests: AsyncIterable<T>): AsyncGenerator<T> {
  try {
    yield* requests;
  } catch (cause) {
    const error = ConnectError.from(cause);
    if (error.cause instanceof WeirError) throw error.cause;
    throw fromForeign(error, { invoked: false, violations: () => [] });
  }
}

/** One handler for both forms of the request, that never throws. */
function wrap(canonical: UniversalHandler, raw: UniversalHandler, maxBodyBytes: number): UniversalHandler {
  const handle = async (request: UniversalServerRequest): Promise<UniversalServerResponse> => {
    const call = request.contextValues!.get(connectCallKey)!;
    const { context, type } = call;
    const wire = type.wire === "grpc-web-text" ? "grpc-web" : type.wire;
    const handler = type.binary ? raw : canonical;
    const copied = type.wire === "connect" && !type.binary;
    const copy = copied ? createJsonCopy() : undefined;
    try {
      const answer = await handler(toUniversal(request, call, maxBodyBytes, copy));
      const translate = (error: ConnectError): WeirError => {
        const violations = () => copy?.violations(context.method.desc.input) ?? [];
        const ours = fromForeign(error, { invoked: context.outcome.invoked, violations });
        context.outcome.error ??= ours;
        return ours;
      };
      const ours = await inOurForm(answer, wire, translate);
      return type.wire === "grpc-web-text" ? inBase64(ours) : ours;
    } catch (cause) {
      const error = toWeirError(cause);
      context.outcome.error = error;
      const { status, headers, body } = errorAnswer(
        error,
        type.wire,
        request.header.get("content-type") ?? "",
      );
      return { status, header: new Headers(headers), body: oneChunk(body) };
    }
  };
  return Object.assign(handle, canonical);
}

function toUniversal(
  request: UniversalServerRequest,
  call: ConnectCall,
  maxBytes: number,
  copy: JsonCopy | undefined,
): UniversalServerRequest {
  const header = new Headers(request.header);
  // The gate has made the deadline of it: connect-es would refuse a longer one than the greatest, and add its timers.
  header.delete("grpc-timeout");
  header.delete("connect-timeout-ms");
  if (call.type.wire === "grpc-web-text") header.set("content-type", "application/grpc-web+proto");
  if (request.method === "GET") {
    copy?.pass(getMessage(request.url));
    return { ...request, header, body: emptyBody() };
  }
  const plain = plainBody(call, header, maxBytes);
  return { ...request, header, body: bodyOf(call, plain, copy) };
}

/** The body with what is gzipped unpacked, since connect-es would do so uncounted; the headers then say so. */
function plainBody({ context, type, chunks }: ConnectCall, header: Headers, maxBytes: number) {
  const { intake } = context;
  if (type.wire === "connect") {
    if (header.get("content-encoding") !== "gzip") return chunks();
    header.delete("content-encoding");
    header.delete("content-length");
    // Who packs the request and does not say what the answer may be gets that packed too.
    if (!header.has("accept-encoding")) header.set("accept-encoding", "gzip");
    return unpacked(chunks(), maxBytes, intake.grew);
  }
  const source = type.wire === "grpc-web-text" ? fromBase64(chunks()) : chunks();
  const encoding = header.get(type.wire === "connect-stream" ? "connect-content-encoding" : "grpc-encoding");
  return readEnvelopes(source, { gzip: encoding === "gzip", maxBytes, intake });
}

/** The message in the query of a Connect GET. */
function getMessage(url: string): Uint8Array {
  const { searchParams } = new URL(url);
  return Buffer.from(
    searchParams.get("message") ?? "",
    searchParams.get("base64") === "1" ? "base64url" : "utf8",
  );
}

/** The body's chunks while the call lives. */
async function* bodyOf(
  { context }: ConnectCall,
  chunks: AsyncIterable<Uint8Array>,
  copy: JsonCopy | undefined,
): AsyncGenerator<Uint8Array> {
  const { signal, touch } = context.lifetime;
  try {
    for await (const chunk of iterateUntilAborted(chunks, signal, touch)) {
      copy?.pass(chunk);
      yield chunk;
    }
  } catch (error) {
    context.outcome.error ??= toWeirError(error);
    rethrow(error);
  }
}

function inBase64(answer: UniversalServerResponse): UniversalServerResponse {
  const header = new Headers(answer.header);
  header.set("content-type", textContentType);
  return { ...answer, header, body: toBase64(answer.body ?? emptyBody()) };
}

async function* emptyBody(): AsyncGenerator<Uint8Array> {}

async function* oneChunk(chunk: Uint8Array): AsyncGenerator<Uint8Array> {
  yield chunk;
}
