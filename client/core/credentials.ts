import { Code, ConnectError } from "@connectrpc/connect";

/** A token of an identity provider, and until when it is good. */
export interface TokenGrant {
  readonly token: string;
  /** Milliseconds since 1970. Default: until the server refuses it. */
  readonly expiresAt?: number;
}

/**
 * Gives a token. Asked by the first call, again shortly before the token expires, and after the server has refused one; by
 * one call for all that wait. Where it fails the call fails as UNAVAILABLE, and is tried again as after any such failure.
 */
export type TokenProvider = () => string | TokenGrant | Promise<string | TokenGrant>;

/** What calls show of their sender. */
export interface Credentials {
  /**
   * Sets the header, where the call has none of its own.
   *
   * @param leftMs how long it may take
   * @throws ConnectError UNAVAILABLE where the provider fails, DEADLINE_EXCEEDED, or the signal's reason
   */
  show(headers: Headers, signal: AbortSignal, leftMs: number): Promise<void>;
  /** The server has refused what was shown as UNAUTHENTICATED. */
  refused(headers: Headers): void;
}

/** A token is renewed this long before its end, in milliseconds, or in the last tenth of its life where that is less. */
const marginMs = 30_000;

/** @throws TypeError where both are given */
export function createCredentials(
  apiKey: string | undefined,
  token: TokenProvider | undefined,
  now: () => number,
): Credentials {
  if (apiKey !== undefined && token !== undefined) {
    throw new TypeError("apiKey and token: one of them says who calls, not both");
  }
  if (token === undefined) return fixed(apiKey);
  let grant: TokenGrant | undefined;
  let renewAt = 0;
  let asking: Promise<TokenGrant> | undefined;

  async function ask(provider: TokenProvider): Promise<TokenGrant> {
    const given = await provider();
    const next = typeof given === "string" ? { token: given } : given;
    const { expiresAt = Number.POSITIVE_INFINITY } = next;
    renewAt = expiresAt - Math.min(marginMs, Math.max(0, expiresAt - now()) / 10);
    grant = next;
    return next;
  }

  return {
    async show(headers, signal, leftMs) {
      if (headers.has("authorization") || headers.has("x-api-key")) return;
      const known = grant !== undefined && now() < renewAt ? grant : undefined;
      if (known === undefined) {
        asking ??= ask(token).finally(() => {
          asking = undefined;
        });
      }
      const shown = known ?? (await within(asking!, signal, leftMs));
      headers.set("authorization", `Bearer ${shown.token}`);
    },
    refused(headers) {
      if (grant !== undefined && headers.get("authorization") === `Bearer ${grant.token}`) grant = undefined;
    },
  };
}

function fixed(apiKey: string | undefined): Credentials {
  return {
    async show(headers) {
      const own = headers.has("x-api-key") || headers.has("authorization");
      if (apiKey !== undefined && !own) headers.set("x-api-key", apiKey);
    },
    refused: () => {},
  };
}

function within<T>(promise: Promise<T>, signal: AbortSignal, leftMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const late = () => reject(new ConnectError("no token came in time", Code.DeadlineExceeded));
    const timer = leftMs > 0 && leftMs < 2 ** 31 ? setTimeout(late, leftMs) : undefined;
    const onAbort = () => reject(signal.reason);
    signal.addEventListener("abort", onAbort, { once: true });
    promise
      .then(resolve, (cause: unknown) => {
        const why = cause instanceof Error ? cause.message : String(cause);
        reject(
          new ConnectError(`no token can be had: ${why}`, Code.Unavailable, undefined, undefined, cause),
        );
      })
      .finally(() => {
        clearTimeout(timer);
        signal.removeEventListener("abort", onAbort);
      });
  });
}
