import type { Fragment } from "../sql/fragment.ts";

/** How long a fence goes on hiding rows after their removal: queries that began before it may still see them. */
export const closingSeconds = 10;

/** Fences that hide rows: those not closed, and those closed a moment ago. */
const open = `
  SELECT partition, epoch, position FROM fences
  GROUP BY partition, epoch, position
  HAVING max(closed) = 0 OR max(if(closed, written_at, toDateTime64(0, 3))) > now64(3) - ${closingSeconds}`;

/**
 * Whether an event is no stray of a partition's former owner: a row of a lower epoch at or after an open fence's
 * position. Without an open fence the condition is a constant and costs nothing. The statement reads the fences after it
 * has taken hold of the events, so that it never misses the fence of a row that it sees.
 */
export const visibleRows: Fragment = {
  texts: [
    `((SELECT count() FROM (${open})) = 0 OR NOT arrayExists(f -> f.1 = partition AND f.2 > epoch AND f.3 <= offset, (SELECT groupArray((partition, epoch, position)) FROM (${open}))))`,
  ],
  params: [],
};
