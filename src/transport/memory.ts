/** Bounds what the bodies of requests under way hold together, refusing what would go beyond before it is there. */
import { WeirError } from "../domain/errors.ts";
import type { Exchange } from "./exchange.ts";

export interface MemoryBudget {
  /** Bytes held now. */
  readonly held: number;
  /** How many requests found no room. */
  readonly refused: number;
  /**
   * Sets aside what a request says that it brings.
   *
   * @throws WeirError OUT_OF_MEMORY as Reservation.hold
   */
  reserve(exchange: Exchange): Reservation;
}

export interface Reservation {
  /** Bytes held now. */
  readonly bytes: number;
  /**
   * Says how many bytes the request holds, or is about to. One that is alone may hold whatever it brings.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/OUT_OF_MEMORY with a retry delay where there is no room for more than it held
   */
  hold(bytes: number): void;
  release(): void;
}

const retryDelayMs = 1000;
/** What a gzipped body becomes, at a guess, since events are text that repeats itself; what it is more comes as it is unpacked. */
const usualRatio = 10;
/** What deflate can make of a byte at most. */
const greatestRatio = 1032;

export function createMemoryBudget(maxBytes: number, maxBodyBytes: number): MemoryBudget {
  let held = 0;
  let refused = 0;
  return {
    get held() {
      return held;
    },
    get refused() {
      return refused;
    },
    reserve(exchange) {
      let reserved = 0;
      let over = false;
      const reservation: Reservation = {
        get bytes() {
          return reserved;
        },
        hold(bytes) {
          if (over) return;
          const others = held - reserved;
          if (bytes > reserved && others > 0 && others + bytes > maxBytes) {
            refused++;
            const message = "the bodies of other requests fill the memory that there is for them";
            throw new WeirError("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", message, { retryDelayMs });
          }
          held += bytes - reserved;
          reserved = bytes;
        },
        release() {
          held -= reserved;
          reserved = 0;
          over = true;
        },
      };
      reservation.hold(Math.min(maxBodyBytes, statedBytes(exchange)));
      return reservation;
    },
  };
}

/** 0 where the request does not say. */
function statedBytes(exchange: Exchange): number {
  // The message of Connect's GET stands in the query, and is unpacked at once.
  if (exchange.method === "GET") {
    return /(?:^|&)compression=gzip/.test(exchange.query) ? exchange.query.length * greatestRatio : 0;
  }
  const stated = Number(exchange.header("content-length") ?? 0);
  if (!Number.isFinite(stated) || exchange.method === "HEAD") return 0;
  return exchange.header("content-encoding") === "gzip" ? stated * usualRatio : stated;
}
