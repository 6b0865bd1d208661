/** What a key or a project may do at a time; what is left out has the server's default. */
export interface RateLimits {
  readonly requestsPerSecond?: number;
  readonly eventsPerSecond?: number;
  /** Of requests that bring events, once they are unpacked. */
  readonly bytesPerSecond?: number;
  /** Streams under way. */
  readonly streams?: number;
  /** Questions under way. */
  readonly queries?: number;
}

export const rateLimitNames = [
  "requestsPerSecond",
  "eventsPerSecond",
  "bytesPerSecond",
  "streams",
  "queries",
] as const satisfies readonly (keyof RateLimits)[];
