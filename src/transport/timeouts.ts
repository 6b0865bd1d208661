/** The deadline that a request states, in the words of each protocol. */
import { WeirError } from "../domain/errors.ts";
import type { Exchange } from "./exchange.ts";

const grpcUnits: Record<string, number> = { H: 3_600_000, M: 60_000, S: 1000, m: 1, u: 1e-3, n: 1e-6 };

/**
 * Milliseconds of grpc-timeout or connect-timeout-ms; either is taken on every protocol.
 *
 * @returns undefined where the request states none
 * @throws WeirError INVALID_ARGUMENT where it states one that is none
 */
export function statedTimeoutMs(exchange: Exchange): number | undefined {
  const grpc = exchange.header("grpc-timeout");
  if (grpc !== undefined) {
    const match = /^(\d{1,8})([HMSmun])$/.exec(grpc);
    if (match === null) throw malformed("grpc-timeout", grpc);
    return Number(match[1]) * grpcUnits[match[2]!]!;
  }
  const connect = exchange.header("connect-timeout-ms");
  if (connect === undefined) return undefined;
  if (!/^\d{1,10}$/.test(connect)) throw malformed("connect-timeout-ms", connect);
  return Number(connect);
}

function malformed(header: string, value: string): WeirError {
  const message = `${header}: ${JSON.stringify(value)} is no timeout`;
  return new WeirError("INVALID_ARGUMENT", "INVALID_REQUEST", message, {
    violations: [{ field: header, ruleId: "header", message: "is no timeout" }],
  });
}
