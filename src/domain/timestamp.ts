/** Milliseconds since 1970 of the first and the last moment that a google.protobuf.Timestamp can tell. */
const firstMs = Date.parse("0001-01-01T00:00:00.000Z");
const lastMs = Date.parse("9999-12-31T23:59:59.999Z");

/** Whether a time in milliseconds since 1970 fits into a google.protobuf.Timestamp: years 1 to 9999. */
export function fitsTimestamp(timeMs: number): boolean {
  return timeMs >= firstMs && timeMs <= lastMs;
}
