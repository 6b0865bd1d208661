/** Events as the reference sees them: plain objects in plain arrays. */
export interface Event {
  readonly userId: string;
  readonly id: string;
  /** Microseconds since 1970. */
  readonly timestampUs: number;
  readonly name: string;
  /** "" without one. */
  readonly sessionId: string;
  readonly properties: Readonly<Record<string, string>>;
}

export type Predicate = (event: Event) => boolean;

/** By UTF-8 bytes. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b));
}

/** By timestamp, equal ones by id. */
export function inOrder(events: readonly Event[]): Event[] {
  return [...events].sort((a, b) => a.timestampUs - b.timestampUs || byBytes(a.id, b.id));
}

/** By linear interpolation at rank p (n - 1). */
export function quantile(values: readonly number[], p: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  const rank = p * (sorted.length - 1);
  const below = Math.floor(rank);
  const above = Math.ceil(rank);
  return sorted[below]! + (sorted[above]! - sorted[below]!) * (rank - below);
}
