/** One request and its answer, whatever carries them: all that gate, REST and pages know of HTTP. */
import type { Intake } from "./intake.ts";

export interface Exchange {
  readonly method: string;
  /** Path as it was sent, still encoded, without the query. */
  readonly path: string;
  /** Query as it was sent, without the question mark; empty where there is none. */
  readonly query: string;
  /** Names in lower case; several values of one name are joined by a comma. */
  header(name: string): string | undefined;
  readonly httpVersion: "1.1" | "2";
  readonly secure: boolean;
  /** Aborted when the caller goes away. */
  readonly signal: AbortSignal;
  /** Whether all of the request has come, be it read or not. */
  arrived(): boolean;
  /**
   * The body, decompressed, once.
   *
   * @throws WeirError RESOURCE_EXHAUSTED/BODY_TOO_LARGE beyond `maxBytes` after decompression, MALFORMED_BODY
   */
  body(maxBytes: number): Promise<Uint8Array>;
  /**
   * Has the body's bytes told of, as they come over the wire and as they become more; what is thrown then fails the
   * reading. Once, before it is read.
   */
  countBy(intake: Pick<Intake, "came" | "grew">): void;
  /** Set before respond; each goes out with the answer, whoever makes it. */
  setHeader(name: string, value: string): void;
  /** Answers, once. */
  respond(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | string,
  ): Promise<void>;
  /**
   * Answers with a body that comes in pieces, at the reader's speed. Where the body fails or the signal is aborted, the
   * answer breaks off, so that it does not look whole.
   */
  stream(
    status: number,
    headers: Readonly<Record<string, string>>,
    body: AsyncIterable<Uint8Array>,
    signal: AbortSignal,
  ): Promise<void>;
}
