/** Tag of a record's first field, the project. */
const projectTag = 0x0a;
/** Longest project whose length is one byte. */
const oneByte = 0x7f;

/**
 * The project of a record, without reading the rest of it: what belongs to nobody who listens is not decoded. undefined
 * where the record does not begin with its project, as every one does that this program wrote.
 */
export function projectOf(record: Uint8Array): string | undefined {
  const length = record[1];
  if (record[0] !== projectTag || length === undefined || length > oneByte) return undefined;
  let project = "";
  for (let at = 2; at < 2 + length; at++) {
    const unit = record[at];
    if (unit === undefined || unit > 0x7f) return undefined;
    project += String.fromCharCode(unit);
  }
  return project;
}
