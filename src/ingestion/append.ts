import { byDeadline, type WaitLimits } from "../domain/deadline.ts";
import { WeirError } from "../domain/errors.ts";
import type { AppendOptions, AppendResult, LogAppender, LogRecord } from "../log/log.ts";

/** What a caller waits whose records do not get through. */
const retryDelayMs = 1000;

/**
 * Appends, and waits no longer than the caller does.
 *
 * @param late what the caller is told of records that were not durable by then
 * @throws WeirError as LogAppender.append; past the deadline UNAVAILABLE/LOG_UNAVAILABLE where the log says that nothing
 *   gets through, else DEADLINE_EXCEEDED
 */
export function appendBy(
  log: LogAppender,
  records: readonly LogRecord[],
  limits: WaitLimits & AppendOptions,
  late: string,
): Promise<AppendResult> {
  return byDeadline(log.append(records, limits), limits, () => {
    if (log.getsThrough()) return new WeirError("DEADLINE_EXCEEDED", "DEADLINE_EXCEEDED", late);
    const message = `the log cannot be written now; ${late}`;
    return new WeirError("UNAVAILABLE", "LOG_UNAVAILABLE", message, { retryDelayMs });
  });
}
