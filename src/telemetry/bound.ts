/** Keeps a label's values finite: the first `max` distinct ones stand for themselves, all later ones for `rest`. */
export function createLabelBound(max: number, rest: string): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    if (known.has(value)) return value;
    if (known.size >= max) return rest;
    known.add(value);
    return value;
  };
}
