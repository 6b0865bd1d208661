/** Secrets, wherever they stand in a text. */

/** What each secret begins with, so that scanners for leaked secrets know one. */
export const secretStart = "weir_";

/** First characters of a secret, by which people tell keys apart. */
export const prefixCharacters = secretStart.length + 7;

const secrets = /weir_[\w-]{43,}/g;

/** The text with each secret of ours cut to its prefix, for what is logged or repeats a caller's words. */
export function maskSecrets(text: string): string {
  if (!text.includes(secretStart)) return text;
  return text.replace(secrets, (secret) => `${secret.slice(0, prefixCharacters)}…`);
}

/** The URL without its password, whatever that is made of. */
export function maskPassword(url: string): string {
  return url.replace(/\/\/([^:@/]*):.*@/s, "//$1:***@");
}
