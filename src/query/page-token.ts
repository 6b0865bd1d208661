import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import { WeirError } from "../domain/errors.ts";
import type { EventCursor } from "../store/questions.ts";

/** Page tokens: where a list goes on, bound to the project and to the question that it was given for. */
export interface PageTokens {
  encode(cursor: EventCursor, project: string, question: unknown): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(token: string, project: string, question: unknown): EventCursor;
}

const macBytes = 16;

export function createPageTokens(secret: Uint8Array): PageTokens {
  const mac = (body: string, project: string, question: unknown) => {
    const asked = createHash("sha256")
      .update(JSON.stringify([project, question]))
      .digest();
    return createHmac("sha256", secret)
      .update("page")
      .update(asked)
      .update(body)
      .digest()
      .subarray(0, macBytes);
  };
  return {
    encode(cursor, project, question) {
      const { timestampUs, id, userId, partition, offset } = cursor;
      const body = JSON.stringify([timestampUs, id, userId, partition, offset]);
      return Buffer.concat([mac(body, project, question), Buffer.from(body)]).toString("base64url");
    },
    decode(token, project, question) {
      const bytes = Buffer.from(token, "base64url");
      const body = bytes.toString("utf8", macBytes);
      if (
        bytes.length <= macBytes ||
        !timingSafeEqual(mac(body, project, question), bytes.subarray(0, macBytes))
      ) {
        const message = "it was not given for this question: all other fields must be as they were";
        throw new WeirError("INVALID_ARGUMENT", "INVALID_TOKEN", `page_token: ${message}`, {
          violations: [{ field: "page_token", ruleId: "token", message }],
        });
      }
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
