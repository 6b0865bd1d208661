/** Keeps a member in its group, and hears of it when the group changes. */
import { pause } from "../../../domain/pause.ts";
import { typeOf } from "./coordinator.ts";

export interface HeartbeatOptions {
  readonly beat: () => Promise<void>;
  /** How long a coordinator keeps a member that it does not hear of, in milliseconds. */
  readonly sessionTimeoutMs: number;
  /** The group is being rebalanced; called again with each heartbeat until these are stopped. */
  readonly onRebalance: () => void;
  /** The member is one no longer, or must be taken for none. Nothing follows it. */
  readonly onLost: (cause: unknown) => void;
}

/** Beats a session has room for, so that some may fail. */
const beatsPerSession = 5;
/** A rebalance is heard of by the answer to a heartbeat. */
const mostMs = 500;
const retryPauseMs = 100;

/** Answers what stops them. */
export function startHeartbeats(options: HeartbeatOptions): () => void {
  const { beat, sessionTimeoutMs, onRebalance, onLost } = options;
  const intervalMs = Math.min(mostMs, sessionTimeoutMs / beatsPerSession);
  const end = new AbortController();
  let trouble: unknown;
  let expiry: NodeJS.Timeout | undefined;

  function lose(cause: unknown): void {
    if (end.signal.aborted) return;
    stop();
    onLost(cause);
  }

  function stop(): void {
    end.abort();
    clearTimeout(expiry);
  }

  /** @param sentMs when the request was sent: the coordinator has received it no earlier */
  function answered(sentMs: number): void {
    if (end.signal.aborted) return;
    clearTimeout(expiry);
    const expire = () => lose(trouble ?? new Error("the coordinator does not answer"));
    expiry = setTimeout(expire, sentMs + sessionTimeoutMs - performance.now());
  }

  async function run(): Promise<void> {
    for (let wait = intervalMs; !end.signal.aborted; await pause(wait, end.signal)) {
      const sentMs = performance.now();
      wait = intervalMs;
      try {
        await beat();
        answered(sentMs);
      } catch (error) {
        if (end.signal.aborted) return;
        const type = typeOf(error);
        if (type === "REBALANCE_IN_PROGRESS") {
          answered(sentMs);
          onRebalance();
        } else if (type === "UNKNOWN_MEMBER_ID" || type === "ILLEGAL_GENERATION") {
          lose(error);
        } else {
          trouble = error;
          wait = Math.min(retryPauseMs, intervalMs);
        }
      }
    }
  }

  answered(performance.now());
  void run();
  return stop;
}
