import { hash } from "node:crypto";

export const idHashBytes = 16;

/** Hash of an identity: text of 16 characters, each one byte of it (latin1). */
export type IdHasher = (project: string, userId: string, id: string) => string;

const lengthBytes = 4;
/** UTF-8 takes at most 3 bytes for a UTF-16 code unit. */
const maxBytesPerUnit = 3;

/**
 * Identities are kept as the first 16 bytes of SHA-256 over a secret of the installation and the length-prefixed parts:
 * small, evenly spread, and nobody without the secret can make two of them collide.
 */
export function createIdHasher(secret: Uint8Array): IdHasher {
  let scratch = grown(secret, 1024);

  function write(text: string, at: number): number {
    const length = scratch.write(text, at + lengthBytes);
    scratch.writeUInt32LE(length, at);
    return at + lengthBytes + length;
  }

  return (project, userId, id) => {
    const most =
      secret.length + 3 * lengthBytes + maxBytesPerUnit * (project.length + userId.length + id.length);
    if (most > scratch.length) scratch = grown(secret, most);
    const end = write(id, write(userId, write(project, secret.length)));
    return hash("sha256", scratch.subarray(0, end), "binary").slice(0, idHashBytes);
  };
}

/**
 * Whether what is received at an instant is a copy of what was received first: not once the window has passed. The first
 * one's time counts by whole seconds, as ids are kept. All in milliseconds.
 */
export function isRemembered(firstReceivedMs: number, receivedMs: number, windowMs: number): boolean {
  return receivedMs - Math.floor(firstReceivedMs / 1000) * 1000 <= windowMs;
}

function grown(secret: Uint8Array, length: number): Buffer {
  const bytes = Buffer.alloc(Math.max(length, secret.length));
  bytes.set(secret);
  return bytes;
}
