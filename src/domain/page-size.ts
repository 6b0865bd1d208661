const defaultSize = 100;
const greatestSize = 1000;

/** How much a page of a list holds: 100 where nothing is said, never more than 1,000. */
export function pageSizeOf(asked: number): number {
  return asked === 0 ? defaultSize : Math.min(asked, greatestSize);
}
