import { whenAborted } from "../../domain/when-aborted.ts";
import type { KafkaConnection } from "./client.ts";
import { createFetcher, OutOfRangeError } from "./fetcher.ts";
import { RecordsMissingError } from "./loss.ts";
import type { Mark } from "./mark.ts";

export interface ConfirmOptions {
  readonly connection: KafkaConnection;
  readonly topic: string;
  /** How many the topic has. */
  readonly partitions: number;
  /** As of SessionOptions. */
  readonly topicId?: string | undefined;
}

/**
 * Makes sure, by a connection of its own, that what stood before these places of partitions stands there still. What
 * retention has removed cannot be looked for.
 *
 * @throws LogLostError where another batch stands there, RecordsMissingError where none does now; Error where the
 *   cluster cannot be reached
 */
export async function confirmMarks(
  { connection, topic, partitions, topicId }: ConfirmOptions,
  marks: ReadonlyMap<number, Mark>,
  signal: AbortSignal,
): Promise<void> {
  if (marks.size === 0) return;
  const fetcher = createFetcher(connection, topic, partitions, topicId);
  const end = () => void fetcher.close();
  const unsubscribe = whenAborted(signal, end);
  try {
    for (const [broker, led] of await fetcher.leaders()) {
      for (const partition of led) {
        const mark = marks.get(partition);
        // One by one: of several, only the first is answered however large its batch is.
        const position = mark && { partition, offset: mark.end, maxBytes: 1, after: mark };
        if (position === undefined) continue;
        await fetcher.fetch(broker, [position], 0).catch(async (error: unknown) => {
          if (!(error instanceof OutOfRangeError)) throw error;
          const { starts, ends } = await fetcher.offsets();
          if (starts[partition]! >= position.offset) return;
          throw new RecordsMissingError(endsBefore(topic, partition, ends[partition]!, position.offset));
        });
      }
    }
  } finally {
    unsubscribe();
    await fetcher.close();
  }
}

/** A log that ends before where it was read or acknowledged; it may be so for a moment, as a broker comes back. */
export function endsBefore(topic: string, partition: number, end: number, position: number): string {
  return (
    `partition ${partition} of topic ${topic} ends at offset ${end}, but had records up to offset ${position}: ` +
    "its tail is lost"
  );
}
