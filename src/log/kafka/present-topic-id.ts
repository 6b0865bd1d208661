import type { StartWait } from "../../domain/start-wait.ts";
import { whenAborted } from "../../domain/when-aborted.ts";
import type { KafkaConnection } from "./client.ts";
import { createSession } from "./session.ts";
import { untilReached } from "./start.ts";
import { topicIdOf } from "./topic-id.ts";

const timeoutMs = 30_000;

/**
 * The id of a topic that exists.
 *
 * @returns as topicIdOf
 * @throws as untilReached
 */
export function presentTopicId(
  connection: KafkaConnection,
  topic: string,
  wait?: StartWait,
): Promise<string | undefined> {
  const look = async (signal: AbortSignal) => {
    const session = createSession({ connection, topic });
    const end = () => void session.close();
    const unsubscribe = whenAborted(signal, end);
    try {
      return await session.using((cluster) => topicIdOf(cluster, topic));
    } finally {
      unsubscribe();
      await session.close();
    }
  };
  return untilReached(connection, timeoutMs, look, wait);
}
