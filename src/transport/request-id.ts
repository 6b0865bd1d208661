import { randomUUIDv7 } from "node:crypto";
import { maskSecrets } from "../domain/secrets.ts";
import type { Exchange } from "./exchange.ts";

export const requestIdHeader = "x-request-id";

/** What may stand in a header and a log line as it is. */
const wellFormed = /^[A-Za-z0-9._:/+=@-]{1,128}$/;

/** The caller's own id where it is well-formed and holds no secret, else a new UUIDv7. */
export function requestIdOf(exchange: Exchange): string {
  const own = exchange.header(requestIdHeader);
  return own !== undefined && wellFormed.test(own) && maskSecrets(own) === own ? own : randomUUIDv7();
}
