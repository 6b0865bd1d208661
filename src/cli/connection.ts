import { Code, ConnectError } from "@connectrpc/connect";
import {
  createWeirClient,
  errorReason,
  type NodeWeirClientOptions,
  type WeirClient,
} from "../../client/node/index.ts";
import { type CommandContext, exitCodes, type FlagValues, UsageError } from "./command.ts";
import { printable } from "./printable.ts";

/** The flags of every command that speaks to a server. */
export const connectionFlags = {
  url: {
    type: "string",
    value: "URL",
    summary: "address of the server",
    default: "http://127.0.0.1:8080",
    env: "WEIR_URL",
  },
  "api-key": {
    type: "string",
    value: "KEY",
    summary: "key of the project; a server on loopback needs none",
    env: "WEIR_API_KEY",
  },
} as const;

/** A client of the server that the flags name. @throws UsageError where the url is none, or the key cannot be sent */
export function clientOf(values: FlagValues, options: Omit<NodeWeirClientOptions, "url"> = {}): WeirClient {
  const key = values["api-key"];
  try {
    return createWeirClient({ url: String(values.url), ...options, ...(key ? { apiKey: String(key) } : {}) });
  } catch (error) {
    if (error instanceof TypeError)
      throw new UsageError(`--${error.message.replace(/^apiKey\b/, "api-key")}`);
    throw error;
  }
}

/** Whether the server refused for a rate, and so is there and says when to come again. */
export function isRateLimited(error: unknown): error is ConnectError {
  return error instanceof ConnectError && errorReason(error) === "RATE_LIMITED";
}

/** For an answer, with the waits that the server asks for in between. */
const timeoutMs = 10_000;

/**
 * Asks a server and closes the client. What may be asked again is so where a limit of the key says when, and nothing else.
 *
 * @returns what `ask` answers, or the exit code of a server that cannot be reached or refuses, told in one line
 */
export async function askOnce(
  values: FlagValues,
  context: CommandContext,
  ask: (weir: WeirClient) => Promise<number>,
): Promise<number> {
  const weir = clientOf(values, {
    timeoutMs,
    // The deadline ends the attempts.
    retry: { maxAttempts: Number.MAX_SAFE_INTEGER },
    onRetry({ error }) {
      if (!isRateLimited(error)) throw error;
    },
  });
  try {
    return await ask(weir);
  } catch (error) {
    if (!(error instanceof ConnectError)) throw error;
    context.stderr.write(`weir: ${failureText(error, String(values.url))}\n`);
    return exitCodes.unreachable;
  } finally {
    await weir.close();
  }
}

const causes: Readonly<Record<string, string>> = {
  ECONNREFUSED: "connection refused; is it running? (weir serve)",
  ECONNRESET: "it closed the connection",
  ENOTFOUND: "no such host",
  EAI_AGAIN: "its name cannot be looked up now",
  ETIMEDOUT: "no answer",
};

/** What went wrong with a call to `url`, in one line, whatever the server says. */
export function failureText(error: ConnectError, url: string): string {
  return printable(explained(error, url));
}

function explained(error: ConnectError, url: string): string {
  switch (error.code) {
    case Code.Unavailable:
      if (errorReason(error) === "ROLE_NOT_HERE") return `${url} refused: ${error.rawMessage}`;
      return `cannot reach ${url}: ${causes[systemCode(error) ?? ""] ?? error.rawMessage}`;
    case Code.DeadlineExceeded:
      return `${url} did not answer in time`;
    case Code.Unauthenticated:
      return `${url} wants a key: give one by --api-key or WEIR_API_KEY (${error.rawMessage})`;
    default:
      return `${url} refused: ${error.message}`;
  }
}

function systemCode(error: unknown): string | undefined {
  for (let cause = error; cause instanceof Error; cause = cause.cause) {
    if ("code" in cause && typeof cause.code === "string") return cause.code;
  }
  return undefined;
}
