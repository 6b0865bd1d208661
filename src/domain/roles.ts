/** What a process does of the whole; one that has every role is a server of its own. */
export const roles = ["ingest", "consumer", "analytics"] as const;

export type Role = (typeof roles)[number];
