/**
 * Looks through the answers of connect-es for errors without google.rpc.ErrorInfo and puts them into our form: the
 * body of a Connect error, trailers of gRPC, the last frame of gRPC-Web and of Connect streams.
 */
import { gunzipSync } from "node:zlib";
import { Code, ConnectError } from "@connectrpc/connect";
import {
  compressedFlag,
  createAsyncIterable,
  encodeEnvelope,
  type UniversalServerResponse,
} from "@connectrpc/connect/protocol";
import {
  endStreamFlag,
  endStreamFromJson,
  endStreamToJson,
  errorFromJsonBytes,
} from "@connectrpc/connect/protocol-connect";
import { findTrailerError } from "@connectrpc/connect/protocol-grpc";
import { trailerFlag, trailerParse, trailerSerialize } from "@connectrpc/connect/protocol-grpc-web";
import type { WeirError } from "../domain/errors.ts";
import { errorAnswer, grpcStatus } from "./error-response.ts";
import { toConnectError } from "./errors.ts";
import { hasErrorInfo } from "./foreign-errors.ts";
import type { Wire } from "./wire.ts";

/** Gives a foreign error its meaning, and takes note of it. */
export type Translate = (error: ConnectError) => WeirError;

type Answer = UniversalServerResponse;

/** The answer, with every error in our form. `wire` is that of the request, unwrapped from base64. */
export function inOurForm(
  answer: Answer,
  wire: Exclude<Wire, "rest" | "grpc-web-text">,
  translate: Translate,
): Promise<Answer> | Answer {
  switch (wire) {
    case "connect":
      return answer.status === 200 ? answer : unaryError(answer, translate);
    case "connect-stream":
      return withLastFrame(answer, endStreamFlag, (data) => {
        const { metadata, error } = endStreamFromJson(data);
        if (error === undefined || hasErrorInfo(error)) return undefined;
        return new TextEncoder().encode(
          JSON.stringify(endStreamToJson(metadata, toConnectError(translate(error)), undefined)),
        );
      });
    case "grpc-web":
      return withLastFrame(answer, trailerFlag, (data) => {
        const trailer = trailerParse(data);
        return correctTrailer(trailer, translate) ? trailerSerialize(trailer) : undefined;
      });
    case "grpc":
      return { ...answer, body: withTrailer(answer, translate) };
  }
}

/** connect-es answers unary calls with one chunk. */
async function unaryError(answer: Answer, translate: Translate): Promise<Answer> {
  const parts: Uint8Array[] = [];
  for await (const part of answer.body ?? []) parts.push(part);
  const sent = Buffer.concat(parts);
  const body = answer.header?.get("content-encoding") === "gzip" ? gunzipSync(sent) : sent;
  const error = parsed(() =>
    errorFromJsonBytes(body, undefined, new ConnectError(`HTTP ${answer.status}`, Code.Unknown)),
  );
  if (hasErrorInfo(error)) return { ...answer, body: createAsyncIterable([sent]) };
  const ours = errorAnswer(translate(error), "connect", "");
  return { status: ours.status, header: new Headers(ours.headers), body: createAsyncIterable([ours.body]) };
}

function parsed(parse: () => ConnectError): ConnectError {
  try {
    return parse();
  } catch (error) {
    return ConnectError.from(error);
  }
}

/** @returns whether it was changed */
function correctTrailer(trailer: Headers, translate: Translate): boolean {
  const error = findTrailerError(trailer);
  if (error === undefined || hasErrorInfo(error)) return false;
  for (const [name, value] of Object.entries(grpcStatus(translate(error)))) trailer.set(name, value);
  return true;
}

async function* withTrailer({ body, trailer }: Answer, translate: Translate): AsyncGenerator<Uint8Array> {
  yield* body ?? [];
  // connect-es fills the trailers as the body ends, and they are sent after that.
  if (trailer !== undefined) correctTrailer(trailer, translate);
}

/** Each chunk of connect-es is one envelope. `correct` gives the last frame's new content, or undefined to keep it. */
function withLastFrame(
  answer: Answer,
  flag: number,
  correct: (data: Uint8Array) => Uint8Array | undefined,
): Answer {
  async function* body(): AsyncGenerator<Uint8Array> {
    for await (const chunk of answer.body ?? []) {
      const flags = chunk[0] ?? 0;
      if ((flags & flag) === 0) {
        yield chunk;
        continue;
      }
      const data = chunk.subarray(5);
      const corrected = correct((flags & compressedFlag) === 0 ? data : gunzipSync(data));
      yield corrected === undefined ? chunk : encodeEnvelope(flag, corrected);
    }
  }
  return { ...answer, body: body() };
}
