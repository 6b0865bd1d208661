import { create, type DescMethod } from "@bufbuild/protobuf";
import { MethodOptions_IdempotencyLevel as Idempotency } from "@bufbuild/protobuf/wkt";
import { Code, ConnectError, type Transport } from "@connectrpc/connect";
import { backoffMs, type RetryPolicy, serverDelayMs } from "./backoff.ts";
import type { Credentials } from "./credentials.ts";
import type { ClientEnvironment } from "./environment.ts";
import { takesEvents, withEventIds } from "./event-ids.ts";
import { attemptFailure, isTransient } from "./failure.ts";

/** A failed attempt that is tried again. */
export interface RetryNotice {
  readonly method: DescMethod;
  readonly requestId: string;
  /** The attempt that failed, from 1. */
  readonly attempt: number;
  readonly error: ConnectError;
  /** Milliseconds until the next attempt. */
  readonly delayMs: number;
}

export interface CallSettings {
  readonly credentials: Credentials;
  readonly headers: HeadersInit | undefined;
  /** Deadline of a unary call over all its attempts, in ms, where the call names none; 0: none. */
  readonly timeoutMs: number;
  readonly retry: RetryPolicy;
  readonly onRetry: ((notice: RetryNotice) => void) | undefined;
  readonly environment: ClientEnvironment;
}

/** A transport whose calls are named, authenticated, bounded in time and, where that is safe, tried again. */
export interface CallTransport extends Transport {
  /** Cancels what is under way and refuses what comes later. */
  close(): void;
}

/**
 * Wraps a transport rather than being an interceptor within one: so each attempt is a call of its own, which tells the
 * server the time that is really left, and any transport will do.
 *
 * A unary call is tried again while it is safe (it has no side effects, or takes events, which ids deduplicate), the
 * failure may pass and the deadline leaves room. Streams are not: only their reader knows where to go on.
 */
export function createCallTransport(inner: Transport, settings: CallSettings): CallTransport {
  const { credentials, environment, retry } = settings;
  const underWay = new Set<AbortController>();
  let closed = false;

  /** A signal that follows the caller's and the client's end, and what ends the following. */
  function begin(callerSignal: AbortSignal | undefined): { signal: AbortSignal; end: () => void } {
    if (closed) throw closedError();
    const controller = new AbortController();
    const end = () => {
      callerSignal?.removeEventListener("abort", follow);
      underWay.delete(controller);
    };
    const follow = () => {
      end();
      controller.abort(callerSignal?.reason);
    };
    underWay.add(controller);
    callerSignal?.addEventListener("abort", follow, { once: true });
    if (callerSignal?.aborted) follow();
    return { signal: controller.signal, end };
  }

  function callHeaders(own: HeadersInit | undefined): Headers {
    const headers = new Headers(settings.headers);
    for (const [name, value] of headersOf(own)) headers.set(name, value);
    if (!headers.has("x-request-id")) headers.set("x-request-id", environment.newId());
    return headers;
  }

  /** One attempt, with credentials of its own. `refused` takes what ends the answer once it has begun. */
  async function attempt<T>(
    named: Headers,
    signal: AbortSignal,
    leftMs: number,
    send: (headers: Headers, refused: (error: unknown) => void) => Promise<T>,
  ): Promise<T> {
    const headers = new Headers(named);
    await credentials.show(headers, signal, leftMs);
    const refused = (error: unknown) => {
      if (ConnectError.from(error).code === Code.Unauthenticated) credentials.refused(headers);
    };
    try {
      return await send(headers, refused);
    } catch (error) {
      refused(error);
      throw error;
    }
  }

  return {
    async unary(method, callerSignal, timeoutMs, header, input, contextValues) {
      const call = begin(callerSignal);
      try {
        const budgetMs = timeoutMs ?? settings.timeoutMs;
        const deadline = budgetMs > 0 ? environment.elapsed() + budgetMs : Number.POSITIVE_INFINITY;
        // Made into a message once, here: what cannot be is the caller's mistake, and never tried again.
        const message = takesEvents(method)
          ? withEventIds(method, input, environment.newId)
          : create(method.input, input);
        const headers = callHeaders(header);
        for (let tries = 1; ; tries++) {
          if (call.signal.aborted) throw ConnectError.from(call.signal.reason, Code.Canceled);
          const leftMs = deadline - environment.elapsed();
          // Whole milliseconds, as protocols carry them; 0 is how connect says "none".
          const attemptMs = Number.isFinite(leftMs) ? Math.max(1, Math.ceil(leftMs)) : 0;
          try {
            return await attempt(headers, call.signal, attemptMs, (shown) =>
              inner.unary(method, call.signal, attemptMs, shown, message, contextValues),
            );
          } catch (thrown) {
            if (call.signal.aborted) throw ConnectError.from(call.signal.reason, Code.Canceled);
            const error = attemptFailure(thrown);
            if (tries >= retry.maxAttempts || !isSafeAgain(method) || !isTransient(error)) throw error;
            const serverMs = serverDelayMs(error, environment.now);
            const delayMs = backoffMs(retry, tries, serverMs, environment.random());
            if (environment.elapsed() + delayMs + 1 > deadline) throw error;
            settings.onRetry?.({
              method,
              requestId: headers.get("x-request-id")!,
              attempt: tries,
              error,
              delayMs,
            });
            await environment.sleep(delayMs, call.signal).catch((reason: unknown) => {
              throw ConnectError.from(reason, Code.Canceled);
            });
          }
        }
      } finally {
        call.end();
      }
    },

    async stream(method, callerSignal, timeoutMs, header, input, contextValues) {
      const call = begin(callerSignal);
      try {
        const headers = callHeaders(header);
        return await attempt(headers, call.signal, timeoutMs ?? 0, async (shown, refused) => {
          const response = await inner.stream(method, call.signal, timeoutMs, shown, input, contextValues);
          return { ...response, message: untilEnd(response.message, refused, call.end) };
        });
      } catch (error) {
        call.end();
        throw error;
      }
    },

    close() {
      closed = true;
      for (const controller of underWay) controller.abort(closedError());
    },
  };
}

function isSafeAgain(method: DescMethod): boolean {
  return (
    method.idempotency === Idempotency.NO_SIDE_EFFECTS ||
    method.idempotency === Idempotency.IDEMPOTENT ||
    takesEvents(method)
  );
}

function closedError(): ConnectError {
  return new ConnectError("the client is closed", Code.Canceled);
}

/** @throws ConnectError INVALID_ARGUMENT where a value cannot be sent, without the value, which may be a secret */
function headersOf(given: HeadersInit | undefined): Headers {
  try {
    return new Headers(given);
  } catch {
    throw new ConnectError("a header of the call cannot be sent as it is", Code.InvalidArgument);
  }
}

/** Over Connect and gRPC-Web a call that is refused fails here: only gRPC's answer says so in its head. */
async function* untilEnd<T>(
  messages: AsyncIterable<T>,
  failed: (error: unknown) => void,
  end: () => void,
): AsyncGenerator<T> {
  try {
    yield* messages;
  } catch (error) {
    failed(error);
    throw error;
  } finally {
    end();
  }
}
