/** Bounds what the bodies of requests under way hold together, refusing what would go beyond before it is there. */
import { WeirError } from "../domain/errors.ts";
import { createShares } from "../domain/shares.ts";
import type { Exchange } from "./exchange.ts";

export interface MemoryBudget {
  /** Bytes held now. */
  readonly held: number;
  /** How many requests found no room. */
  readonly refused: number;
  /**
   * Lets a request in if there is room for what it says that it brings. Nothing is set aside for that: who says much and
   * sends nothing keeps nothing from others.
   *
   * @param sharer as of sharerOf: all of its requests together hold half at most, though one alone whatever it brings
   * @throws WeirError OUT_OF_MEMORY as Reservation.hold
   */
  reserve(exchange: Exchange, sharer: string | undefined): Reservation;
}

export interface Reservation {
  /** Bytes held now. */
  readonly bytes: number;
  /** Says how many bytes the request is about to hold. @throws WeirError OUT_OF_MEMORY as hold, which it does not do yet */
  expect(bytes: number): void;
  /**
   * Says how many bytes the request holds. One that is alone may hold whatever it brings.
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
  const shares = createShares(maxBytes);
  let held = 0;
  let refused = 0;
  const refuse = (whose: string): never => {
    refused++;
    const message = `the bodies of ${whose} fill the memory that there is for them`;
    throw new WeirError("RESOURCE_EXHAUSTED", "OUT_OF_MEMORY", message, { retryDelayMs });
  };
  return {
    get held() {
      return held;
    },
    get refused() {
      return refused;
    },
    reserve(exchange, sharer) {
      let reserved = 0;
      let over = false;
      const reservation: Reservation = {
        get bytes() {
          return reserved;
        },
        expect(bytes) {
          if (over || bytes <= reserved) return;
          const others = held - reserved;
          if (others > 0 && others + bytes > maxBytes) refuse("other requests");
          const own = shares.of(sharer) - reserved;
          if (own > 0 && own + bytes > shares.most) refuse("the caller's other requests");
        },
        hold(bytes) {
          if (over) return;
          reservation.expect(bytes);
          held += bytes - reserved;
          shares.add(sharer, bytes - reserved);
          reserved = bytes;
        },
        release() {
          held -= reserved;
          shares.add(sharer, -reserved);
          reserved = 0;
          over = true;
        },
      };
      const stated = Math.min(maxBodyBytes, statedBytes(exchange));
      // The message of Connect's GET is there already, and is unpacked at once.
      if (exchange.method === "GET") reservation.hold(stated);
      else reservation.expect(stated);
      return reservation;
    },
  };
}

/** What the request says that it brings, unpacked, at a guess; 0 where it does not say. */
export function statedBytes(exchange: Exchange): number {
  const { query } = exchange;
  if (exchange.method === "GET")
    return /(?:^|&)compression=gzip/.test(query) ? query.length * greatestRatio : 0;
  const stated = Number(exchange.header("content-length") ?? 0);
  if (!Number.isFinite(stated) || exchange.method === "HEAD") return 0;
  return exchange.header("content-encoding") === "gzip" ? stated * usualRatio : stated;
}
