/** Transcodes REST: one way from a route of the contract to its method and back, for every method. */
import { type JsonObject, type Message, toJson } from "@bufbuild/protobuf";
import { restOptionsOf } from "../contract/options.ts";
import { contractRegistry } from "../contract/registry.ts";
import type { CallContext, Calls } from "./calls.ts";
import { toWeirError } from "./errors.ts";
import type { Exchange } from "./exchange.ts";
import { untilAborted } from "./lifetime.ts";
import { type RestSource, readRestRequest } from "./rest-request.ts";

export interface Rest {
  /** @throws WeirError until the answer has begun */
  serve(exchange: Exchange, source: RestSource, context: CallContext): Promise<void>;
}

/** snake_case, with default values; what is absent stays absent. */
const jsonOptions = { alwaysEmitImplicit: true, useProtoFieldName: true, registry: contractRegistry };
const json = "application/json";

export function createRest(calls: Calls, maxBodyBytes: number): Rest {
  return {
    serve: async (exchange, source, context) => {
      const input = source.binding.method.input;
      const reading = readRestRequest(exchange, source, maxBodyBytes);
      const { message, unparsed } = await untilAborted(reading, context.lifetime.signal).catch(
        (error: unknown) => {
          throw noted(context, error);
        },
      );
      exchange.setHeader("cache-control", "no-store");
      if (source.binding.method.methodKind === "unary") {
        const answer = await calls.unary(context, input, message, unparsed);
        await respond(exchange, source, answer);
      } else {
        const answers = calls.serverStream(context, input, message);
        await stream(exchange, source, answers, context.lifetime.signal);
      }
    },
  };
}

function noted(context: CallContext, cause: unknown) {
  const error = toWeirError(cause);
  context.outcome.error = error;
  return error;
}

function respond(exchange: Exchange, { binding }: RestSource, answer: Message): Promise<void> {
  const options = restOptionsOf(binding.method);
  const status = options.successStatus || 200;
  if (options.bodyField !== "") {
    const { headers, body } = bareBody(binding.method, answer);
    return exchange.respond(status, headers, body);
  }
  const whole = toJson(binding.method.output, answer, jsonOptions) as JsonObject;
  const body = binding.responseBody === "" ? whole : (whole[binding.responseBody] ?? null);
  return exchange.respond(status, { "content-type": json }, JSON.stringify(body));
}

/** Bare bytes of each answer where the method has a body_field, else a line of JSON for each. */
async function stream(
  exchange: Exchange,
  { binding }: RestSource,
  answers: AsyncIterable<Message>,
  signal: AbortSignal,
): Promise<void> {
  const options = restOptionsOf(binding.method);
  const status = options.successStatus || 200;
  const iterator = answers[Symbol.asyncIterator]();
  const bare = options.bodyField !== "";
  const toBytes = (answer: Message): Uint8Array => {
    if (!bare) return encode(`${JSON.stringify(toJson(binding.method.output, answer, jsonOptions))}\n`);
    const { body } = bareBody(binding.method, answer);
    return typeof body === "string" ? encode(body) : body;
  };
  try {
    // What fails before the first answer is an error of its own; later the body is cut short.
    const first = await iterator.next();
    // Nothing more is read then, and the service is to be free before the caller comes again.
    if (exchange.method === "HEAD") await iterator.return?.();
    const type = { "content-type": bare ? "application/octet-stream" : "application/x-ndjson" };
    const headers = bare && first.done !== true ? bareBody(binding.method, first.value).headers : type;
    async function* pieces(): AsyncGenerator<Uint8Array> {
      for (let next = first; next.done !== true; next = await iterator.next()) yield toBytes(next.value);
    }
    await exchange.stream(status, headers, pieces(), signal);
  } finally {
    await iterator.return?.();
  }
}

function bareBody(method: RestSource["binding"]["method"], answer: Message) {
  const options = restOptionsOf(method);
  const values = answer as unknown as Record<string, unknown>;
  const valueAt = (name: string) =>
    values[method.output.fields.find((field) => field.name === name)?.localName ?? ""];
  const body = valueAt(options.bodyField) as string | Uint8Array;
  const usual = typeof body === "string" ? "text/plain; charset=utf-8" : "application/octet-stream";
  const type = valueAt(options.contentTypeField) as string | undefined;
  const name = valueAt(options.fileNameField) as string | undefined;
  const headers: Record<string, string> = { "content-type": type || usual };
  if (name) headers["content-disposition"] = `attachment; filename="${name}"`;
  return { body, headers };
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}
