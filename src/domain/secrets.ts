/** Secrets, wherever they stand in a text. */

/** What each secret begins with, so that scanners for leaked secrets know one. */
export const secretStart = "weir_";

/** First characters of a secret, by which people tell keys apart. */
export const prefixCharacters = secretStart.length + 7;

/** How a character of a URL may be written instead: percent-encoded, and that once more, as proxies and mistakes do. */
const percent = "%(?:25)*";
/** Any character of what follows the start: letters, digits, _ and -. */
const character = `(?:[\\w-]|${percent}(?:3\\d|[46][1-9a-f]|[57][0-9a]|5f|2d))`;
const start = [...secretStart]
  .map((letter) => `(?:${letter}|${percent}${letter.charCodeAt(0).toString(16)})`)
  .join("");
/** Characters of a secret behind its start. */
const wholeCharacters = 43;
/** A piece of a secret that tells more of it than its prefix. */
const pieces = new RegExp(`${start}${character}{${prefixCharacters - secretStart.length + 1},}`, "gi");
/**
 * What is named in lower-case words, as metrics are. A piece of a secret is it by chance: of 8 characters, of which one is
 * told beyond the prefix, in 1 of 100 cases, of 20 in 1 of 100,000.
 */
const words = /^[a-z][a-z\d]*(?:_[a-z\d]+)*$/;
const encoded = new RegExp(`${percent}([0-9a-f]{2})`, "gi");

/**
 * The text with each secret of ours cut to its prefix, for what is logged or repeats a caller's words; also where only its
 * beginning stands there, or it is percent-encoded, in whole or in part.
 */
export function maskSecrets(text: string): string {
  if (!text.includes(secretStart) && !text.includes("%")) return text;
  return text.replace(pieces, (piece) => {
    const plain = piece.replace(encoded, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)));
    if (plain.length < secretStart.length + wholeCharacters && !isPiece(plain)) return piece;
    return `${plain.slice(0, prefixCharacters)}…`;
  });
}

function isPiece(plain: string): boolean {
  return plain.startsWith(secretStart) && !words.test(plain.slice(secretStart.length));
}

/** The URL with its password taken out, as commands take it, which are told passwords by variables. */
export function withoutPassword(url: string): string {
  return url.replace(passwordInUrl, "//$1@");
}

const passwordInUrl = /\/\/([^:@/]*):.*@/s;

/** The URL without its password, whatever that is made of. */
export function maskPassword(url: string): string {
  return url.replace(passwordInUrl, "//$1:***@");
}
