import { pause } from "../../domain/pause.ts";
import type { StartWait } from "../../domain/start-wait.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import { LogStartError } from "../log.ts";
import type { KafkaConnection } from "./client.ts";
import { LogLostError, lossAdvice } from "./loss.ts";

const pauseMs = 500;

/**
 * Tries until the cluster is reached: brokers and servers of one installation may start together.
 *
 * @param attempt ends soon when its signal is aborted, which is also done where this throws
 * @throws LogStartError where the cluster is not reached in time, or refuses; the reason of the wait's signal
 */
export async function untilReached<T>(
  connection: KafkaConnection,
  timeoutMs: number,
  attempt: (signal: AbortSignal) => Promise<T>,
  wait?: StartWait,
): Promise<T> {
  const where = connection.brokers.join(",");
  const end = new AbortController();
  const stop = () => end.abort();
  const timer = setTimeout(stop, timeoutMs);
  const unsubscribe = whenAborted(wait?.signal, stop);
  let last: unknown;
  try {
    while (!end.signal.aborted) {
      try {
        return await attempt(end.signal);
      } catch (error) {
        if (error instanceof LogStartError) throw error;
        if (error instanceof LogLostError) throw new LogStartError(`${error.what}. ${lossAdvice}`, error);
        if (isRefusal(error)) throw new LogStartError(`${where} refuses: ${messageOf(error)}`, error);
        if (!end.signal.aborted) {
          last = error;
          wait?.failed(messageOf(error));
        }
        await pause(pauseMs, end.signal);
      }
    }
    wait?.signal.throwIfAborted();
    const seconds = Math.round(timeoutMs / 1000);
    throw new LogStartError(
      `no broker of ${where} could be used within ${seconds} s: ${messageOf(last)}`,
      last,
    );
  } catch (error) {
    end.abort();
    throw error;
  } finally {
    clearTimeout(timer);
    unsubscribe();
  }
}

/** Whether trying again is of no use: the credentials or a certificate are wrong, or something is not allowed. */
function isRefusal(error: unknown): boolean {
  const { name, type, code, cause } = error as {
    name?: string;
    type?: string;
    code?: unknown;
    cause?: unknown;
  };
  if (name === "KafkaJSSASLAuthenticationError" || /_AUTHORIZATION_FAILED$/.test(type ?? "")) return true;
  if (/CERT|SELF_SIGNED|LEAF_SIGNATURE/.test(String(code))) return true;
  return cause instanceof Error && isRefusal(cause);
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : "no answer";
}
