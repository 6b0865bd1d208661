import type { FieldViolation } from "./errors.ts";

/** What broken clients send in place of a user; compared in lower case, without surrounding blanks. */
const brokenIdentities = new Set(["", "null", "undefined", "none", "nan", "anonymous", "[object object]"]);
const longestBroken = 15;

/**
 * Why a user_id of valid length is no user: thousands of different people would become one. protovalidate has no fast
 * rule for it, so admission asks here.
 */
export function brokenIdentity(userId: string): FieldViolation | undefined {
  // Blanks may surround a word, so that only the trimmed length tells.
  const trimmed =
    userId.length <= longestBroken || /^\s|\s$/.test(userId) ? userId.trim().toLowerCase() : undefined;
  if (trimmed === undefined || !brokenIdentities.has(trimmed)) return undefined;
  const message = `${JSON.stringify(userId)} names no user: it comes of a client that has none`;
  return { field: "user_id", ruleId: "user_id.broken_identity", message };
}
