import { WeirError } from "../../domain/errors.ts";

/** Records that were read or acknowledged are gone, or the topic is another: nothing may go on as if they were there. */
export class LogLostError extends WeirError {
  /** What is lost, without what becomes of the process. */
  readonly what: string;

  constructor(what: string, become = "This process takes and applies nothing more", advice = lossAdvice) {
    super("UNAVAILABLE", "LOG_LOST", `${what}. ${become}. ${advice}`);
    this.what = what;
  }
}

export const lossAdvice =
  'Bring the records back, or see "A log that has lost records" in docs/DISTRIBUTED.md, then start it again';

/** Records that were read or acknowledged are not there now, and nothing else in their place: they may come back. */
export class RecordsMissingError extends Error {
  override readonly name = "RecordsMissingError";
}

/** What the parts of a process that use one topic know of its loss. Once known, it stays. */
export interface LossLatch {
  readonly loss: LogLostError | undefined;
  /** Answers the loss that is known from now on, the first one. */
  lost(loss: LogLostError): LogLostError;
  /** @throws LogLostError where there is one */
  check(): void;
}

/** @param onLoss called once */
export function createLossLatch(onLoss: (loss: LogLostError) => void = () => {}): LossLatch {
  let known: LogLostError | undefined;
  return {
    get loss() {
      return known;
    },
    lost(loss) {
      if (known === undefined) {
        known = loss;
        onLoss(loss);
      }
      return known;
    },
    check() {
      if (known !== undefined) throw known;
    },
  };
}

/** Another batch stands where one was read or acknowledged. */
export function tailLost(topic: string, partition: number, end: number): LogLostError {
  return new LogLostError(
    `the tail of topic ${topic}, partition ${partition}, is lost: it had records up to offset ${end}, and others have ` +
      "taken their place, from an earlier offset on that is not known",
  );
}
