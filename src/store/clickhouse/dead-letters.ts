import type { DeadLetterStore } from "../dead-letters.ts";
import type { Slots } from "../slots.ts";
import { isLetterAt, planDeadLetters } from "../sql/dead-letters.ts";
import { sql } from "../sql/fragment.ts";
import { bind } from "./bind.ts";
import type { Connection } from "./connection.ts";
import { createClickhouseEngine } from "./engine.ts";
import type { Reader } from "./reader.ts";
import { removeLetters } from "./removal.ts";

const letters = sql`
  SELECT partition, offset, project, reason, message, base64Encode(record) AS record64, created_us, replayed_us
  FROM (SELECT * FROM dead_letters FINAL) AS letter
  LEFT JOIN (SELECT partition, offset, min(replayed_us) AS replayed_us FROM replays GROUP BY partition, offset) AS replay
  USING (partition, offset)`;

export interface DeadLettersOptions {
  readonly connection: Connection;
  readonly reader: Reader;
  readonly slots: Slots;
  /** Runs a write in its turn. */
  readonly write: <T>(work: () => Promise<T>) => Promise<T>;
}

export function createDeadLetters(options: DeadLettersOptions): DeadLetterStore {
  const { connection, reader, slots, write } = options;
  const engine = createClickhouseEngine([]);
  return {
    deadLetters(question, asked) {
      const { statements, read } = planDeadLetters(engine, letters, question);
      const answer = () =>
        reader.run(asked.deadline, async (how) => read([await connection.table(bind(statements[0]!), how)]));
      return slots.run(answer, asked);
    },
    discard: (places, projects) => write(() => removeLetters(connection, isLetterAt(places, projects))),
  };
}
