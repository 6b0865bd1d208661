/** A W3C traceparent of version 00 whose trace is sampled: what a record may carry of the call that brought it. */
const sampled = /^00-[0-9a-f]{32}-[0-9a-f]{16}-01$/;

/** Whether it names a span that others can be recorded under. */
export function isSampledTrace(traceparent: string): boolean {
  return sampled.test(traceparent);
}
