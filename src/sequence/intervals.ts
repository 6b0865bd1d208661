/**
 * Index of the interval that holds an instant, where interval i begins at `starts[i]` and the last one never ends; -1
 * before the first.
 *
 * @param known an interval that begins no later than the instant, or -1; instants near it are found at once
 */
export function intervalAt(starts: ArrayLike<number>, timeUs: number, known: number): number {
  let low = known;
  if (!(starts[low + 1]! <= timeUs)) return low;
  let high = starts.length;
  // starts[low] <= timeUs < starts[high], an index out of bounds standing for infinity.
  while (high - low > 1) {
    const middle = (low + high) >>> 1;
    if (starts[middle]! <= timeUs) low = middle;
    else high = middle;
  }
  return low;
}
