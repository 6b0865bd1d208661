/**
 * Small shared state: log id, secrets, later keys and projects' settings. Keys are short text by kind
 * (`secret/token`, `log/id`), values bytes of at most 1 MiB.
 */
export interface StateStore {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. */
  put(key: string, value: Uint8Array): Promise<void>;
  /**
   * Puts a value where there is none: of several who do so at once, in whatever process, at most one succeeds. Durable when
   * it resolves with true; false: there is a value, or another one is about to put it.
   */
  putIfAbsent(key: string, value: Uint8Array): Promise<boolean>;
  delete(key: string): Promise<void>;
  /** Pairs whose key starts with `prefix`, by key. */
  list(prefix: string): Promise<[key: string, value: Uint8Array][]>;
}
