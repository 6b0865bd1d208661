/** Who waits at the start for another system, told by those who wait. */
export interface StartWait {
  /** Aborted where the start is given up: then the wait ends, and throws the signal's reason. */
  readonly signal: AbortSignal;
  /** Why the last attempt did not get through, in one line. */
  failed(why: string): void;
}
