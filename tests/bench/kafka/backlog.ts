import { create, toBinary } from "@bufbuild/protobuf";
import { EventSchema } from "../../../gen/analytics/v1/event_pb.js";
import { encodeEventField, encodeRecordHead } from "../../../src/domain/record/record.ts";
import { createKafkaAppender } from "../../../src/log/kafka/appender.ts";
import type { LogRecord } from "../../../src/log/log.ts";
import { newEvent } from "../events.ts";
import type { BenchCluster } from "./cluster.ts";

const project = "default";
const batch = 1000;
const callers = 8;

/** Puts events on the log that nobody has applied yet. */
export async function makeBacklog({ log }: BenchCluster, count: number): Promise<void> {
  const appender = await createKafkaAppender(log);
  let made = 0;

  function records(): LogRecord[] {
    const receivedMs = Date.now();
    const head = encodeRecordHead(project, receivedMs * 1000, "");
    return Array.from({ length: Math.min(batch, count - made) }, () => {
      const event = newEvent(made++);
      const bytes = toBinary(EventSchema, create(EventSchema, event));
      const value = [head, encodeEventField(bytes.length), bytes];
      return { project, userId: event.userId, id: event.id, receivedMs, requestId: "", value };
    });
  }

  async function caller(): Promise<void> {
    while (made < count) await appender.append(records());
  }

  try {
    await Promise.all(Array.from({ length: callers }, caller));
  } finally {
    await appender.close();
  }
}
