/**
 * Cells of each record of a text by RFC 4180: cells in quotes hold commas, line ends and doubled quotes.
 *
 * @throws Error where it is not such a text
 */
export function parseCsv(text: string): string[][] {
  const records: string[][] = [];
  let at = 0;
  const cell = (): string => {
    if (text[at] !== '"') {
      const plain = /[^",\r\n]*/y;
      plain.lastIndex = at;
      const [value] = plain.exec(text)!;
      at += value.length;
      return value;
    }
    let value = "";
    for (at++; ; at++) {
      if (at >= text.length) throw new Error("a cell's quote is not closed");
      if (text[at] === '"' && text[++at] !== '"') return value;
      value += text[at];
    }
  };
  while (at < text.length) {
    const cells = [cell()];
    for (; text[at] === ","; cells.push(cell())) at++;
    if (!text.startsWith("\r\n", at)) throw new Error(`no end of a record at ${at}`);
    at += 2;
    records.push(cells);
  }
  return records;
}
