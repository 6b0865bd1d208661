/**
 * Room for the calls that need no key: of their callers nobody knows who they are, so they have room of their own, and
 * neither take that of callers who are known nor wait for it, as probes must be answered when all else is full.
 */
import { WeirError } from "../domain/errors.ts";
import type { Exchange } from "./exchange.ts";
import { type Reservation, statedBytes } from "./memory.ts";
import { isUnary, type MountedMethod } from "./methods.ts";

export interface OpenRoom {
  /** Calls under way. */
  readonly size: number;
  /** @throws WeirError RESOURCE_EXHAUSTED/TOO_MANY_REQUESTS */
  take(method: MountedMethod): void;
  leave(method: MountedMethod): void;
}

const retryDelayMs = 1000;

/** @param most so many unary calls, and as many streams, so that streams, which stay, keep none from being answered */
export function createOpenRoom(most: number): OpenRoom {
  const taken = { unary: 0, stream: 0 };
  const kindOf = (method: MountedMethod) => (isUnary(method) ? "unary" : "stream");
  return {
    get size() {
      return taken.unary + taken.stream;
    },
    take(method) {
      const kind = kindOf(method);
      if (taken[kind] >= most) {
        const message = `${most} ${kind === "unary" ? "calls" : "streams"} without a key are under way`;
        throw new WeirError("RESOURCE_EXHAUSTED", "TOO_MANY_REQUESTS", message, { retryDelayMs });
      }
      taken[kind]++;
    },
    leave(method) {
      taken[kindOf(method)]--;
    },
  };
}

/**
 * What such a call may hold, which is little and its own.
 *
 * @throws WeirError RESOURCE_EXHAUSTED/BODY_TOO_LARGE, also where the request says that it brings more
 */
export function reserveAlone(exchange: Exchange, mostBytes: number): Reservation {
  let held = 0;
  const expect = (bytes: number) => {
    if (bytes <= mostBytes) return;
    const message = `the body is larger than ${mostBytes} bytes, the limit of calls that need no key`;
    throw new WeirError("RESOURCE_EXHAUSTED", "BODY_TOO_LARGE", message);
  };
  expect(statedBytes(exchange));
  return {
    get bytes() {
      return held;
    },
    expect,
    hold(bytes) {
      expect(bytes);
      held = bytes;
    },
    release() {
      held = 0;
    },
  };
}
