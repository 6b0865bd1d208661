import { createSeal } from "../domain/seal.ts";
import type { EventCursor } from "../store/questions.ts";

/** Page tokens: where a list goes on, bound to the project and to the question that it was given for. */
export interface PageTokens {
  encode(cursor: EventCursor, project: string, question: unknown): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(token: string, project: string, question: unknown): EventCursor;
}

export function createPageTokens(secret: Uint8Array): PageTokens {
  const refusal = "it was not given for this question: all other fields must be as they were";
  const seal = createSeal({ secret, purpose: "page", field: "page_token", refusal });
  return {
    encode(cursor, project, question) {
      const { timestampUs, id, userId, partition, offset } = cursor;
      const body = JSON.stringify([timestampUs, id, userId, partition, evenly(offset)]);
      return seal.close(Buffer.from(body), [project, question]);
    },
    decode(token, project, question) {
      const body = seal.open(token, [project, question]).toString();
      const [timestampUs, id, userId, partition, offset] = JSON.parse(body) as [
        number,
        string,
        string,
        number,
        string,
      ];
      return { timestampUs, id, userId, partition, offset: Number(offset) };
    },
  };
}

/** As long whatever it is, since it counts the events of others too. */
function evenly(offset: number): string {
  return String(offset).padStart(String(Number.MAX_SAFE_INTEGER).length, "0");
}
