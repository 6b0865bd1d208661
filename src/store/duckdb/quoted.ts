/** A string literal, for statements that take no parameter in its place. */
export function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
