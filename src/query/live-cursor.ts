import { createSeal } from "../domain/seal.ts";
import type { LivePlace } from "../live/live.ts";

/** Cursors of live streams: where one goes on, bound to the log, the project and the question that it was given for. */
export interface LiveCursors {
  encode(place: LivePlace, project: string, question: unknown): string;
  /** @throws WeirError INVALID_ARGUMENT/INVALID_TOKEN */
  decode(cursor: string, project: string, question: unknown): LivePlace;
}

const numberBytes = 8;

export function createLiveCursors(secret: Uint8Array, logId: string): LiveCursors {
  const refusal = "it was not given for this question on this log: all other fields must be as they were";
  const seal = createSeal({ secret, purpose: "live", field: "cursor", refusal });
  return {
    encode({ timeMs, positions }, project, question) {
      const body = Buffer.alloc(numberBytes * (1 + positions.length));
      body.writeDoubleLE(timeMs);
      for (const [partition, offset] of positions.entries()) {
        body.writeDoubleLE(offset, numberBytes * (1 + partition));
      }
      return seal.close(body, [logId, project, question]);
    },
    decode(cursor, project, question) {
      const body = seal.open(cursor, [logId, project, question]);
      const positions: number[] = [];
      for (let at = numberBytes; at < body.length; at += numberBytes) positions.push(body.readDoubleLE(at));
      return { timeMs: body.readDoubleLE(0), positions };
    },
  };
}
