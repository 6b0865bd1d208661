import { Code, ConnectError } from "@connectrpc/connect";

/** A token of an identity provider, and until when it is good. */
export interface TokenGrant {
  readonly token: string;
  /** Milliseconds since 1970. Default: until the server refuses it. */
  readonly expiresAt?: number;
}

/**
 * Gives a token. Asked by the first call, again shortly before the token expires, and after the server has refused one; by
 * one call for all that wait. Where it fails the call fails as UNAVAILABLE, and is tried again as after any such failure;
 * where it gives what no header can carry, as UNAUTHENTICATED, and is not.
 */
export type TokenProvider = () => string | TokenGrant | Promise<string | TokenGrant>;

/** What calls show of their sender. */
export interface Credentials {
  /**
   * Sets the header, where the call has none of its own.
   *
   * @param leftMs how long it may take
   * @throws ConnectError UNAVAILABLE where the provider fails, UNAUTHENTICATED where no header can carry its token,
   * DEADLINE_EXCEEDED, or the signal's reason
   */
  show(headers: Headers, signal: AbortSignal, leftMs: number): Promise<void>;
  /** The server has refused what was shown as UNAUTHENTICATED. */
  refused(headers: Headers): void;
}

/**
 * The text as a header carries it, without white space around it, such as the newline at the end of a file; undefined
 * where no header can carry it. Asked before Headers, whose errors repeat the value.
 */
export function headerText(text: unknown): string | undefined {
  const bare = typeof text === "string" ? text.replace(/^[\t\n\r ]+|[\t\n\r ]+$/g, "") : undefined;
  return bare !== undefined && /^[ -~]*$/.test(bare) ? bare : undefined;
}

/** A token is renewed this long before its end, in milliseconds, or in the last tenth of its life where that is less. */
const marginMs = 30_000;

/** @throws TypeError where both are given, or no header can carry the key */
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
  let asking: Promise<TokenGrant | undefined> | undefined;

  /** Undefined where no header can carry what the provider gives. */
  async function ask(provider: TokenProvider): Promise<TokenGrant | undefined> {
    const given = await provider();
    const next = typeof given === "string" ? { token: given } : given;
    const text = headerText(next?.token);
    if (text === undefined) return undefined;
    const { expiresAt = Number.POSITIVE_INFINITY } = next;
    renewAt = expiresAt - Math.min(marginMs, Math.max(0, expiresAt - now()) / 10);
    grant = { token: text, expiresAt };
    return grant;
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
      if (shown === undefined) {
        throw new ConnectError("the provider's token is none that a header can carry", Code.Unauthenticated);
      }
      headers.set("authorization", `Bearer ${shown.token}`);
    },
    refused(headers) {
      if (grant !== undefined && headers.get("authorization") === `Bearer ${grant.token}`) grant = undefined;
    },
  };
}

function fixed(apiKey: string | undefined): Credentials {
  const key = headerText(apiKey);
  if (apiKey !== undefined && key === undefined) {
    throw new TypeError(
      "apiKey must be text of printable ASCII characters, which is what a header can carry",
    );
  }
  return {
    async show(headers) {
      const own = headers.has("x-api-key") || headers.has("authorization");
      if (key !== undefined && !own) headers.set("x-api-key", key);
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
