/**
 * Reads a body of enveloped messages (five bytes of flags and length before each) on its way to connect-es: tells of each
 * message before it comes, and unpacks those that are gzipped, so that what they become is counted as it does.
 */
import { compressedFlag, encodeEnvelope } from "@connectrpc/connect/protocol";
import { WeirError } from "../domain/errors.ts";
import { inflate } from "./body.ts";
import type { Intake } from "./intake.ts";

export interface EnvelopeOptions {
  /** Whether messages that are flagged as packed are gzip; else they are left as they are. */
  readonly gzip: boolean;
  /** The largest message, in bytes. One that says to be larger is left to connect-es, which refuses it. */
  readonly maxBytes: number;
  readonly intake: Pick<Intake, "announced" | "grew" | "taken">;
}

const headSize = 5;

/**
 * The body, in other pieces, whose packed messages are unpacked.
 *
 * @throws WeirError MALFORMED_BODY where it ends in the middle of a message, which connect-es takes for one without that
 * message, or where one is no gzip; BODY_TOO_LARGE, OUT_OF_MEMORY
 */
export async function* readEnvelopes(
  chunks: AsyncIterable<Uint8Array>,
  { gzip, maxBytes, intake }: EnvelopeOptions,
): AsyncGenerator<Uint8Array> {
  const head = Buffer.alloc(headSize);
  let inHead = 0;
  /** Bytes of the message that are still to come. */
  let left = 0;
  /** Pieces of a packed message; undefined while one passes as it is. */
  let packed: Uint8Array[] | undefined;
  for await (const chunk of chunks) {
    /** Up to where the chunk is passed on, or kept. */
    let done = 0;
    for (let at = 0; at < chunk.length || (packed !== undefined && left === 0); ) {
      if (packed !== undefined || left > 0) {
        const step = Math.min(left, chunk.length - at);
        packed?.push(chunk.subarray(at, at + step));
        at += step;
        left -= step;
        if (packed === undefined || left > 0) continue;
        done = at;
        const message = await inflate(Buffer.concat(packed), maxBytes, intake.grew);
        packed = undefined;
        yield encodeEnvelope(head[0]! & ~compressedFlag, message);
        continue;
      }
      head[inHead++] = chunk[at++]!;
      if (inHead < headSize) continue;
      inHead = 0;
      left = head.readUInt32BE(1);
      if (left <= maxBytes) intake.announced(left);
      if (gzip && (head[0]! & compressedFlag) !== 0 && left <= maxBytes) {
        if (at - headSize > done) yield chunk.subarray(done, at - headSize);
        packed = [];
        done = at;
      } else if (at < headSize) {
        // The head began in the chunk before, which kept its part back.
        yield Buffer.from(head);
        done = at;
      }
    }
    const end = chunk.length - inHead;
    if (end > done) yield done === 0 && inHead === 0 ? chunk : chunk.subarray(done, end);
    if (left === 0) intake.taken();
  }
  if (inHead > 0 || left > 0) {
    throw new WeirError("INVALID_ARGUMENT", "MALFORMED_BODY", "the body ends in the middle of a message");
  }
}
