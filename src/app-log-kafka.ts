/** Part of the composition root: the log on Kafka, and the small state in a topic of its own. */
import { coordinatorOf } from "./app-group.ts";
import type { LogOptions, LogParts } from "./app-parts.ts";
import { refusePartitions } from "./app-refusals.ts";
import { openState } from "./app-topics.ts";
import type { Config } from "./config/config.ts";
import { groupOf, kafkaOf } from "./config/kafka.ts";
import { settings } from "./config/settings.ts";
import { readIdentity } from "./log/identity.ts";
import { createKafkaAppender } from "./log/kafka/appender.ts";
import { followApplied } from "./log/kafka/applied.ts";
import { checkCommitted } from "./log/kafka/committed.ts";
import { createKafkaLog } from "./log/kafka/kafka.ts";
import type { LogLostError } from "./log/kafka/loss.ts";
import { withTopicId } from "./log/kafka/topics.ts";
import { LogStartError } from "./log/log.ts";

/**
 * Opens the appending side everywhere, which dead letters are replayed through too, and the reading one where the log is
 * applied or followed.
 *
 * @throws ConfigError where the log was made with other settings, LogStartError where it cannot be used
 */
export async function openKafkaLog(options: LogOptions): Promise<LogParts> {
  const { config, metrics, logger, start, stops } = options;
  const kafka = kafkaOf(config);
  const { connection, topics } = kafka;
  const place = `Kafka at ${connection.brokers.join(",")}`;
  const state = await start.waitFor(place, (wait) =>
    openState(kafka, {
      wait,
      onLoss: (loss) => {
        metrics.error("", "state", "LOG_LOST");
        logger.error({ stage: "state" }, loss.message);
      },
    }),
  );
  stops.push(() => state.close());
  const identity = await readIdentity(state.get);
  if (identity === undefined) {
    throw new LogStartError(
      `topic ${topics.state} holds no log yet: run weir topics create --log ${config.log}`,
    );
  }
  const partitions = partitionsOf(config, identity.partitions);
  const group = groupOf(config);
  const applied = await start.waitFor(coordinatorOf({ place, group }), (wait) =>
    followApplied({ connection, topic: topics.events, group, partitions, wait, givenUp: wait.signal }),
  );
  stops.push(() => applied.close());
  const lost = new AbortController();
  const common = {
    givenUp: start.signal,
    connection,
    topic: topics.events,
    identity,
    partitions,
    compression: config.kafkaCompression,
    dedupWindowMs: config.dedupWindow,
    applied,
    maxQueueEvents: config.queueEvents,
    maxQueueBytes: config.queueBytes,
    onFlush: ({ events, bytes, ms }: { events: number; bytes: number; ms: number }) =>
      metrics.flush(events, bytes, ms / 1000),
    onLoss: (loss: LogLostError) => {
      metrics.error("", "log", "LOG_LOST");
      logger.error({ stage: "log" }, loss.message);
      lost.abort(loss);
    },
    onWriteFailure: (failure: { error: Error }) => {
      metrics.error("", "log", "LOG_UNAVAILABLE");
      logger.error({ err: failure.error }, "records could not be written, and who waited was told");
    },
  };
  const parts = {
    identity,
    state,
    kafka: { place, connection, topics, group, applied, idSecret: identity.idSecret, lost: lost.signal },
  };
  /** What can be looked at only once the log is known to be usable. */
  const settle = async () => {
    if (config.roles.includes("ingest") || config.roles.includes("consumer")) {
      const whole = { connection, topic: topics.events, partitions, topicId: identity.topicId };
      await start.waitFor(place, (wait) => checkCommitted(whole, applied.commits(), wait));
    }
    // Of a log that was made before it was kept; then it is compared from the next start on.
    await start.waitFor(place, (wait) => withTopicId(connection, topics.events, identity, state, wait));
  };
  if (config.roles.includes("consumer") || config.roles.includes("analytics")) {
    const log = await start
      .waitFor(place, (wait) => createKafkaLog({ ...common, wait }))
      .catch(refusePartitions);
    stops.push(() => log.close());
    await settle();
    const health = () => [log.health(), state.health()];
    const kafkaParts = { ...parts.kafka, markAt: log.markAt, keptMs: log.keptMs };
    return { ...parts, kafka: kafkaParts, appender: log, reader: log, forgetIds: log.forgetIds, health };
  }
  const appender = await start
    .waitFor(place, (wait) => createKafkaAppender({ ...common, wait }))
    .catch(refusePartitions);
  stops.push(() => appender.close());
  await settle();
  const health = () => [appender.health(), state.health()];
  return { ...parts, appender, forgetIds: appender.forgetIds, health };
}

/** The log knows its own number: only one that was asked for otherwise must be it. */
function partitionsOf(config: Config, kept: number): number {
  return config.partitions === settings.partitions.default ? kept : config.partitions;
}
