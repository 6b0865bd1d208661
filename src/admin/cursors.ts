/** Page tokens of lists that are in the store. */
import { createSeal } from "../domain/seal.ts";
import type { DeadLetterCursor } from "../store/dead-letters.ts";

export interface Cursors {
  /** @param context whatever must be as it was when the token was given */
  encode(cursor: DeadLetterCursor, context: unknown): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(token: string, context: unknown): DeadLetterCursor;
}

export function createCursors(secret: Uint8Array): Cursors {
  const refusal = "it was not given for this list: all other fields must be as they were";
  const seal = createSeal({ secret, purpose: "dead-letter-page", field: "page_token", refusal });
  return {
    encode: ({ createdUs, partition, offset }, context) =>
      seal.close(Buffer.from(JSON.stringify([createdUs, partition, offset])), context),
    decode(token, context) {
      const body = JSON.parse(seal.open(token, context).toString()) as [number, number, number];
      const [createdUs, partition, offset] = body;
      return { createdUs, partition, offset };
    },
  };
}
