import type { ConnectError } from "@connectrpc/connect";
import { RetryInfoSchema } from "../../gen/google/rpc/error_details_pb.js";
import { checkOptions } from "./options.ts";

/** How a call that failed is tried again. */
export interface RetryPolicy {
  /**
   * Attempts of a call in all, the first one included; 1: never again. Default 10, of which all waits together are some ten
   * seconds and at most 21, so that a server may be started anew meanwhile; the call's deadline ends them earlier.
   */
  maxAttempts: number;
  /** The longest wait before the second attempt, in ms; it doubles with each attempt. Default 100. */
  baseDelayMs: number;
  /** The longest wait that the doubling comes to, in ms. Default 5,000. */
  maxDelayMs: number;
}

export const defaultRetryPolicy: RetryPolicy = { maxAttempts: 10, baseDelayMs: 100, maxDelayMs: 5_000 };

/**
 * The policy with its defaults.
 *
 * @throws TypeError for an unknown part, RangeError where a figure makes no sense
 */
export function retryPolicy(given: Partial<RetryPolicy> = {}): RetryPolicy {
  checkOptions(given, { maxAttempts: "any", baseDelayMs: "any", maxDelayMs: "any" }, "retry.");
  const policy = { ...defaultRetryPolicy, ...given };
  if (!Number.isInteger(policy.maxAttempts) || policy.maxAttempts < 1) {
    throw new RangeError(`retry.maxAttempts must be a whole number from 1, not ${policy.maxAttempts}`);
  }
  for (const name of ["baseDelayMs", "maxDelayMs"] as const) {
    if (!(policy[name] >= 0)) throw new RangeError(`retry.${name} must be 0 or more, not ${policy[name]}`);
  }
  return policy;
}

/**
 * How long to wait after the given attempt (from 1) failed, in ms. Full jitter: anything from 0 to the doubled delay,
 * so that callers that failed together do not come back together. What the server asked for comes on top, for the same
 * reason.
 */
export function backoffMs(
  policy: RetryPolicy,
  attempt: number,
  serverDelayMs: number,
  random: number,
): number {
  const longest = Math.min(policy.maxDelayMs, policy.baseDelayMs * 2 ** (attempt - 1));
  return serverDelayMs + random * longest;
}

/** The wait that the server asked for by RetryInfo, else by Retry-After (seconds or a date); 0 where by neither. */
export function serverDelayMs(error: ConnectError, now: () => number): number {
  const delay = error.findDetails(RetryInfoSchema)[0]?.retryDelay;
  if (delay !== undefined) return Math.max(0, Number(delay.seconds) * 1_000 + delay.nanos / 1e6);
  const header = error.metadata.get("retry-after")?.trim();
  if (!header) return 0;
  if (/^\d+$/.test(header)) return Number(header) * 1_000;
  const date = Date.parse(header);
  return Number.isNaN(date) ? 0 : Math.max(0, date - now());
}
