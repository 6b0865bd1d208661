/** The one gate of every protocol, before a body is read: who calls, whether there is room, and for how long. */

import type { Authenticator, CallKind, Credentials, Meter, Rates } from "../auth/auth.ts";
import { browserKeyParameter, Scope } from "../contract/options.ts";
import type { Protocol } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";
import { defaultProject, type Principal, sharerOf } from "../domain/principal.ts";
import { createShares } from "../domain/shares.ts";
import { createBrake } from "./brake.ts";
import type { CallContext, CallOutcome } from "./calls.ts";
import type { Exchange } from "./exchange.ts";
import { streamIntake, unaryIntake } from "./intake.ts";
import { type Arrival, createLifetime, type Lifetime } from "./lifetime.ts";
import type { Limits } from "./limits.ts";
import { createMemoryBudget, type MemoryBudget, type Reservation } from "./memory.ts";
import { isUnary, type MountedMethod } from "./methods.ts";
import { createOpenRoom, reserveAlone } from "./open-room.ts";
import type { OriginPolicy } from "./origins.ts";
import { statedTimeoutMs } from "./timeouts.ts";

export interface Entry {
  readonly method: MountedMethod;
  readonly protocol: Protocol;
  readonly requestId: string;
  /** traceparent of the call's span; absent where it is not traced. */
  readonly trace?: string | undefined;
  readonly outcome: CallOutcome;
  /** Whether the key may stand in the query: only where no other key is taken. */
  readonly browserKey: boolean;
}

export interface Gate {
  /**
   * Lets a call in, which must be given back by `leave`.
   *
   * @throws WeirError SHUTTING_DOWN, TOO_MANY_REQUESTS, OUT_OF_MEMORY, what the authenticator throws, INSUFFICIENT_SCOPE,
   * what the rates throw, or INVALID_REQUEST for a timeout that is none
   */
  enter(exchange: Exchange, entry: Entry): Promise<CallContext>;
  leave(context: CallContext): void;
  /** Checks the caller of a page. @throws WeirError as enter */
  authorize(exchange: Exchange, scope: Scope): Promise<Principal>;
  /** From now on nobody is let in; streams are ended, unary calls go on. */
  close(): void;
  /** Calls under way, but those that need no key. */
  readonly size: number;
  /** Calls that found no room. */
  readonly refused: number;
  /** What the bodies of requests hold. */
  readonly memory: Pick<MemoryBudget, "held" | "refused">;
  /** Resolves once no call is under way. */
  empty(): Promise<void>;
}

export interface GateOptions {
  readonly authenticator: Authenticator;
  readonly rates: Rates;
  readonly limits: Limits;
  /** Whether a page of this origin may use a key that has no origins. */
  readonly trusts: OriginPolicy["trusts"];
}

/** What a caller who was turned away for lack of room waits. */
const retryDelayMs = 1000;

const unmetered: Meter = { bytes: () => {}, leave: () => {} };
const nobody: Principal = { project: defaultProject, scopes: new Set() };

export function createGate({ authenticator, rates, limits, trusts }: GateOptions): Gate {
  const calls = new Set<CallContext>();
  const waiting = new Set<() => void>();
  const brake = createBrake();
  const memory = createMemoryBudget(limits.maxRequestMemoryBytes, limits.maxBodyBytes);
  const shares = createShares(limits.maxCalls);
  const openRoom = createOpenRoom(limits.maxOpenCalls);
  let entering = 0;
  let refused = 0;
  let closed = false;

  const authorize = async (
    exchange: Exchange,
    scope: Scope,
    browserKey = false,
    outcome?: CallOutcome,
  ): Promise<Principal> => {
    if (scope === Scope.OPEN) return nobody;
    const pending = authenticator.authenticate(credentialsOf(exchange, browserKey, trusts));
    const principal = pending instanceof Promise ? await pending : pending;
    if (outcome !== undefined) outcome.principal = principal;
    if (scope !== Scope.ANY && !principal.scopes.has(scope)) {
      const name = Scope[scope]?.toLowerCase() ?? String(scope);
      throw new WeirError("PERMISSION_DENIED", "INSUFFICIENT_SCOPE", `the key lacks the scope ${name}`);
    }
    return principal;
  };
  /** @throws WeirError TOO_MANY_REQUESTS */
  const checkRoom = (sharer?: string) => {
    const full = calls.size - openRoom.size >= limits.maxCalls;
    if (!full && shares.of(sharer) < shares.most) return;
    refused++;
    const message = full
      ? `${limits.maxCalls} calls are under way`
      : `${shares.most} calls of one caller are under way`;
    throw new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs });
  };
  const meterOf = (principal: Principal, method: MountedMethod): Meter =>
    principal === nobody ? unmetered : rates.enter(principal, kindOf(method), method.scope);
  // Node sees to that over HTTP/1.1.
  const arrivalOf = (exchange: Exchange): Arrival | undefined =>
    exchange.httpVersion === "1.1"
      ? undefined
      : { withinMs: limits.requestTimeoutMs, arrived: exchange.arrived };
  const lifetimeOf = (exchange: Exchange, method: MountedMethod): Lifetime => {
    const stated = statedTimeoutMs(exchange);
    const caller = exchange.signal;
    if (isUnary(method)) {
      const timeoutMs = Math.min(stated ?? limits.defaultTimeoutMs, limits.maxTimeoutMs);
      const arrival = timeoutMs <= limits.requestTimeoutMs ? undefined : arrivalOf(exchange);
      return createLifetime({ caller, deadline: Date.now() + timeoutMs, arrival });
    }
    const deadline = stated === undefined ? Number.POSITIVE_INFINITY : Date.now() + stated;
    const arrival = method.desc.methodKind === "server_streaming" ? arrivalOf(exchange) : undefined;
    return createLifetime({ caller, deadline, idleMs: limits.streamIdleMs, arrival });
  };
  // A key that is revoked must not go on reading, or sending, by a stream that it began before.
  const rechecks = setInterval(() => {
    for (const { method, principal, lifetime } of calls) {
      if (isUnary(method) || principal === nobody) continue;
      const refusal = authenticator.refusalOf(principal);
      if (refusal !== undefined) lifetime.abort(refusal);
    }
  }, limits.recheckMs).unref();
  const settle = () => {
    if (calls.size + entering > 0) return;
    for (const resolve of waiting) resolve();
    waiting.clear();
  };
  return {
    enter: async (exchange, entry) => {
      const { method, protocol, requestId, trace, outcome, browserKey } = entry;
      if (closed) throw shuttingDown();
      const isOpen = method.scope === Scope.OPEN;
      if (!isOpen) checkRoom();
      entering++;
      let held: Reservation | undefined;
      let meter: Meter | undefined;
      let hasOpenRoom = false;
      try {
        if (isOpen) {
          openRoom.take(method);
          hasOpenRoom = true;
        }
        const principal = await authorize(exchange, method.scope, browserKey, outcome);
        if (closed) throw shuttingDown();
        // Of one who is not known nothing is held: it may take long to learn who that is.
        const sharer = sharerOf(principal);
        if (!isOpen) checkRoom(sharer);
        held = isOpen ? reserveAlone(exchange, limits.maxOpenBodyBytes) : memory.reserve(exchange, sharer);
        meter = holding(meterOf(principal, method), held);
        const lifetime = lifetimeOf(exchange, method);
        const intake = (isUnary(method) ? unaryIntake : streamIntake)({ count: meter.bytes, held });
        exchange.countBy(intake);
        const context: CallContext = {
          method,
          protocol,
          principal,
          requestId,
          ...(trace === undefined ? {} : { trace }),
          lifetime,
          meter,
          intake,
          outcome,
        };
        calls.add(context);
        shares.add(sharer, 1);
        return context;
      } catch (error) {
        if (meter === undefined) held?.release();
        else meter.leave();
        if (hasOpenRoom) openRoom.leave(method);
        await brake.hold(error, exchange.signal);
        throw error;
      } finally {
        entering--;
        settle();
      }
    },
    leave: (context) => {
      context.lifetime.end();
      context.meter.leave();
      if (calls.delete(context)) {
        shares.add(sharerOf(context.principal), -1);
        if (context.method.scope === Scope.OPEN) openRoom.leave(context.method);
      }
      settle();
    },
    authorize,
    close: () => {
      closed = true;
      clearInterval(rechecks);
      for (const { method, lifetime } of calls) if (!isUnary(method)) lifetime.abort(shuttingDown());
    },
    get size() {
      return calls.size - openRoom.size;
    },
    get refused() {
      return refused;
    },
    memory,
    empty: () =>
      new Promise((resolve) => {
        waiting.add(resolve);
        settle();
      }),
  };
}

function kindOf(method: MountedMethod): CallKind {
  if (!isUnary(method)) return "stream";
  return method.scope === Scope.QUERY ? "query" : "call";
}

/** What a call holds of the memory goes with the call. */
function holding(meter: Meter, held: Reservation): Meter {
  return {
    ...meter,
    leave: () => {
      meter.leave();
      held.release();
    },
  };
}

function shuttingDown(): WeirError {
  return new WeirError("UNAVAILABLE", "SHUTTING_DOWN", "the server is stopping", { retryDelayMs });
}

function credentialsOf(exchange: Exchange, browserKey: boolean, trusts: OriginPolicy["trusts"]): Credentials {
  const bearer = /^Bearer +(\S+)$/i.exec(exchange.header("authorization") ?? "")?.[1];
  // An empty header says nothing.
  const key = exchange.header("x-api-key") || bearer;
  const origin = exchange.header("origin");
  const inQuery = browserKey ? new URLSearchParams(exchange.query).get(browserKeyParameter) : null;
  return {
    ...(key === undefined ? {} : { key }),
    ...(inQuery === null ? {} : { browserKey: inQuery }),
    ...(origin === undefined ? {} : { origin, trustedPage: trusts(origin, exchange.header("host") ?? "") }),
  };
}
