/** Text between \Q and \E, an escape, the name of a group, or a character beyond ASCII. */
const piece = /\\Q([\s\S]*?)(?:\\E|$)|\\[\s\S]|\(\?P?<[^>]*>|[^\0-\x7f]/gu;

/**
 * The same pattern in ASCII. ClickHouse looks for a text that every match must hold, byte by byte: of a character beyond
 * ASCII that may be absent (`😀*`) it takes all bytes but the last for needed, and finds no match where there is none.
 */
export function asciiPattern(pattern: string): string {
  return pattern.replace(piece, (found, quoted: string | undefined) => {
    if (quoted !== undefined) return quoted.replace(/[^0-9A-Za-z]/gu, escaped);
    return found.codePointAt(0)! > 0x7f ? escaped(found) : found;
  });
}

function escaped(character: string): string {
  return `\\x{${character.codePointAt(0)!.toString(16)}}`;
}
