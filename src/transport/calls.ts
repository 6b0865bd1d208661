/**
 * Runs a method for every protocol alike: checks the request by the contract's rules, makes the Call, bounds it by its
 * lifetime, and turns whatever goes wrong into a WeirError.
 */
import { create, type DescMessage, type Message } from "@bufbuild/protobuf";
import type { Meter } from "../auth/auth.ts";
import { refused } from "../contract/json-request.ts";
import { validate } from "../contract/validate.ts";
import type { Call, Protocol } from "../domain/call.ts";
import { type FieldViolation, WeirError } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import { toWeirError } from "./errors.ts";
import type { Intake } from "./intake.ts";
import { iterateUntilAborted, type Lifetime, untilAborted } from "./lifetime.ts";
import type { TransportLog } from "./log.ts";
import type { MountedMethod } from "./methods.ts";

/** What is known of a call before its request is read. */
export interface CallContext {
  readonly method: MountedMethod;
  readonly protocol: Protocol;
  readonly principal: Principal;
  readonly requestId: string;
  /** traceparent of the call's span; absent where it is not traced. */
  readonly trace?: string;
  readonly lifetime: Lifetime;
  readonly meter: Meter;
  /** Is told of the request's body. */
  readonly intake: Intake;
  /** Takes note of how the call ended, once. */
  readonly outcome: CallOutcome;
}

/** How a call ended; undefined: well, or not yet. */
export interface CallOutcome {
  error: WeirError | undefined;
  /** Who called; undefined until that is known. */
  principal: Principal | undefined;
  /** Whether a request was read and handed on: what fails before that is the caller's fault. */
  invoked: boolean;
}

/** Elements that did not parse, by index. */
export type Unparsed = ReadonlyMap<number, FieldViolation>;

export interface Calls {
  /** @throws WeirError */
  unary(context: CallContext, input: DescMessage, request: Message, unparsed?: Unparsed): Promise<Message>;
  /** @throws WeirError also while it is iterated */
  serverStream(context: CallContext, input: DescMessage, request: Message): AsyncIterable<Message>;
  /** @throws WeirError */
  clientStream(context: CallContext, input: DescMessage, requests: AsyncIterable<Message>): Promise<Message>;
  /** @throws WeirError also while it is iterated */
  bidiStream(
    context: CallContext,
    input: DescMessage,
    requests: AsyncIterable<Message>,
  ): AsyncIterable<Message>;
}

type MessageInit = Record<string, unknown>;
type Unary = (request: Message, call: Call) => Promise<MessageInit>;
type ServerStream = (request: Message, call: Call) => AsyncIterable<MessageInit>;
type ClientStream = (requests: AsyncIterable<Message>, call: Call) => Promise<MessageInit>;
type BidiStream = (requests: AsyncIterable<Message>, call: Call) => AsyncIterable<MessageInit>;

const allParsed: Unparsed = new Map();

export function createCalls(log: TransportLog): Calls {
  /** Notes the error and tells the log of a defect. */
  const fail = (context: CallContext, cause: unknown): WeirError => {
    const error = toWeirError(cause);
    context.outcome.error = error;
    if (error.code === "INTERNAL") {
      const { requestId, method } = context;
      log.error({ requestId, method: method.name, err: error.cause ?? error }, "call failed");
    }
    return error;
  };
  const one = async (context: CallContext, run: () => Promise<MessageInit>): Promise<Message> => {
    try {
      const answer = await untilAborted(run(), context.lifetime.signal);
      return create(context.method.desc.output, answer);
    } catch (error) {
      throw fail(context, error);
    }
  };
  async function* many(context: CallContext, run: () => AsyncIterable<MessageInit>): AsyncGenerator<Message> {
    const { signal, touch } = context.lifetime;
    // Of a server stream the caller shows its life by reading, of a bidi stream by sending.
    const onAnswer = context.method.desc.methodKind === "server_streaming" ? touch : () => {};
    // Where the caller has stopped reading, nobody asks for the answer that would tell, even after the abort.
    const onAbort = () => {
      context.outcome.error ??= signal.reason;
    };
    signal.addEventListener("abort", onAbort, { once: true });
    try {
      for await (const answer of iterateUntilAborted(run(), signal, onAnswer)) {
        yield create(context.method.desc.output, answer);
      }
      signal.removeEventListener("abort", onAbort);
    } catch (error) {
      throw fail(context, error);
    }
  }
  return {
    unary: (context, input, request, unparsed = allParsed) =>
      one(context, () => {
        const run = implementationOf<Unary>(context);
        check(input, request);
        return run(request, callOf(context, unparsed));
      }),
    serverStream: (context, input, request) =>
      many(context, () => {
        const run = implementationOf<ServerStream>(context);
        check(input, request);
        return run(request, callOf(context, allParsed));
      }),
    clientStream: (context, input, requests) =>
      one(context, () =>
        implementationOf<ClientStream>(context)(
          checkEach(context, input, requests),
          callOf(context, allParsed),
        ),
      ),
    bidiStream: (context, input, requests) =>
      many(context, () =>
        implementationOf<BidiStream>(context)(
          checkEach(context, input, requests),
          callOf(context, allParsed),
        ),
      ),
  };
}

/** @throws WeirError UNIMPLEMENTED/NOT_YET_BUILT */
function implementationOf<F>(context: CallContext): F {
  const { implementation, name, planned } = context.method;
  context.outcome.invoked = true;
  if (implementation !== undefined) return implementation as F;
  const why = planned
    ? "is part of the contract, and a later version answers it"
    : "is not served by this process";
  throw new WeirError("UNIMPLEMENTED", "NOT_YET_BUILT", `${name} ${why}`);
}

/** @throws WeirError INVALID_ARGUMENT/INVALID_REQUEST with the broken rules */
function check(input: DescMessage, request: Message): void {
  const violations = validate(input, request);
  if (violations.length > 0) throw refused(violations);
}

async function* checkEach(
  context: CallContext,
  input: DescMessage,
  requests: AsyncIterable<Message>,
): AsyncGenerator<Message> {
  for await (const request of requests) {
    check(input, request);
    context.lifetime.awaitsCaller(false);
    yield request;
    context.lifetime.awaitsCaller(true);
  }
}

function callOf(context: CallContext, unparsed: Unparsed): Call {
  const { method, protocol, principal, requestId, trace, lifetime, meter } = context;
  const { signal, deadline } = lifetime;
  const { events } = meter;
  const call = { method: method.desc, protocol, principal, requestId, signal, deadline, unparsed };
  if (trace === undefined) return events === undefined ? call : { ...call, events };
  return { ...call, trace, ...(events === undefined ? {} : { events }) };
}
