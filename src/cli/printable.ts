/** What others sent, made fit for a terminal: it must not steer that of whoever reads it, nor turn its lines around. */

/** Controls (C0, DEL, C1), invisible formats such as those that change the direction, and separators of lines. */
const steering = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;

/** The text in one line, with such characters told by their code points. */
export function printable(text: string): string {
  return text.replace(steering, (character) => `\\u{${character.codePointAt(0)!.toString(16)}}`);
}

/** The value as JSON, with such characters escaped within its texts. @param indent spaces; absent: it is one line */
export function printableJson(value: unknown, indent?: number): string {
  const escaped = (character: string) =>
    character === "\n"
      ? character
      : [...Array(character.length).keys()]
          .map((at) => `\\u${character.charCodeAt(at).toString(16).padStart(4, "0")}`)
          .join("");
  return JSON.stringify(value, undefined, indent).replace(steering, escaped);
}
