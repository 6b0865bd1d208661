/** Bounds what the bodies of requests under way hold together, refusing further ones before they are read. */
import { WeirError } from "../domain/errors.ts";
import type { Exchange } from "./exchange.ts";

export interface MemoryBudget {
  /** Bytes held now. */
  readonly held: number;
  /**
   * Sets aside what a request says that it brings. A request that is alone is let in whatever it brings.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/OUT_OF_MEMORY with a retry delay where there is no room
   */
  reserve(exchange: Exchange): Reservation;
}

export interface Reservation {
  /** What has come, where the request did not say how much that would be. */
  received(bytes: number): void;
  release(): void;
}

const retryDelayMs = 1000;
/** What a gzipped body becomes, at a guess: events are text that repeats itself. */
const gzipRatio = 10;

export function createMemoryBudget(maxBytes: number, maxBodyBytes: number): MemoryBudget {
  let held = 0;
  return {
    get held() {
      return held;
    },
    reserve(exchange) {
      let reserved = Math.min(maxBodyBytes, statedBytes(exchange));
      if (held > 0 && held + reserved > maxBytes && bringsBody(exchange)) {
        const message = "the bodies of other requests fill the memory that there is for them";
        throw new WeirError("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", message, { retryDelayMs });
      }
      held += reserved;
      let come = 0;
      return {
        received(bytes) {
          come += bytes;
          if (come <= reserved) return;
          held += come - reserved;
          reserved = come;
        },
        release() {
          held -= reserved;
          reserved = 0;
          come = Number.NEGATIVE_INFINITY;
        },
      };
    },
  };
}

function bringsBody({ method }: Exchange): boolean {
  return method !== "GET" && method !== "HEAD";
}

/** 0 where the request does not say. */
function statedBytes(exchange: Exchange): number {
  const stated = Number(exchange.header("content-length") ?? 0);
  if (!Number.isFinite(stated)) return 0;
  return exchange.header("content-encoding") === "gzip" ? stated * gzipRatio : stated;
}
