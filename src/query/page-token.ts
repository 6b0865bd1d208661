import type { EventCursor } from "../store/questions.ts";
import { createSeal } from "./seal.ts";

/** Page tokens: where a list goes on, bound to the project and to the question that it was given for. */
export interface PageTokens {
  encode(cursor: EventCursor, project: string, question: unknown): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(token: string, project: string, question: unknown): EventCursor;
}

export function createPageTokens(secret: Uint8Array): PageTokens {
  const seal = createSeal(secret, "page");
  return {
    encode(cursor, project, question) {
      const { timestampUs, id, userId, partition, offset } = cursor;
      const body = JSON.stringify([timestampUs, id, userId, partition, offset]);
      return seal.close(Buffer.from(body), [project, question]);
    },
    decode(token, project, question) {
      const body = seal.open(token, [project, question], "page_token").toString();
      const [timestampUs, id, userId, partition, offset] = JSON.parse(body) as [
        number,
        string,
        string,
        number,
        number,
      ];
      return { timestampUs, id, userId, partition, offset };
    },
  };
}
