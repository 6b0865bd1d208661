/**
 * Small shared state: log id, secrets, later keys and projects' settings. Keys are short text by kind
 * (`secret/token`, `log/id`), values bytes of at most 1 MiB.
 */
export interface StateStore {
  get(key: string): Promise<Uint8Array | undefined>;
  /** Durable when it resolves. */
  put(key: string, value: Uint8Array): Promise<void>;
  delete(key: string): Promise<void>;
  /** Pairs whose key starts with `prefix`, by key. */
  list(prefix: string): Promise<[key: string, value: Uint8Array][]>;
}
