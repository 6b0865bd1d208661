/** ClickHouse's errors in the one vocabulary. */
import { ClickHouseError } from "@clickhouse/client";
import { WeirError } from "../../domain/errors.ts";

/** Codes of ClickHouse, as its errors carry them. */
const timeoutExceeded = "159";
const queryWasCancelled = "394";

export function questionError(error: unknown): WeirError {
  if (error instanceof WeirError) return error;
  if (error instanceof ClickHouseError && error.code === timeoutExceeded) {
    return new WeirError(
      "DEADLINE_EXCEEDED",
      "DEADLINE_EXCEEDED",
      "the deadline passed before the store answered",
    );
  }
  if (error instanceof ClickHouseError && error.code === queryWasCancelled) {
    return new WeirError("CANCELLED", "CANCELLED", "the question was cancelled");
  }
  return unavailable(`ClickHouse cannot answer: ${messageOf(error)}`, error);
}

export function unavailable(message: string, cause?: unknown): WeirError {
  return new WeirError("UNAVAILABLE", "STORE_UNAVAILABLE", message, cause === undefined ? {} : { cause });
}

/** The server repeats the whole statement in some of its messages. */
const longestMessage = 500;

/** One line. An error of the network may say nothing but its code. */
export function messageOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const code = "code" in error && error.message === "" ? String(error.code) : "";
  return error.message.split("\n")[0]?.slice(0, longestMessage) || code || error.name;
}
