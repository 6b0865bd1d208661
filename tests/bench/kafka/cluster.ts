/** A real broker of its own for a benchmark, with the topics of a log. */

import { createLogTopics, openState } from "../../../src/app-topics.ts";
import { kafkaNames } from "../../../src/cli/setting-flags.ts";
import { readSettings } from "../../../src/config/config.ts";
import { kafkaOf } from "../../../src/config/kafka.ts";
import { type LogIdentity, readIdentity } from "../../../src/log/identity.ts";
import type { KafkaLogOptions } from "../../../src/log/kafka/options.ts";
import { startKafka } from "../../support/kafka.ts";
import { bind, type Cores } from "./cores.ts";

export interface BenchCluster {
  /** As --log takes it. */
  readonly url: string;
  readonly identity: LogIdentity;
  /** For both sides of the log. */
  readonly log: KafkaLogOptions;
  close(): Promise<void>;
}

const startTimeoutMs = 30_000;
const names = [...kafkaNames, "partitions", "logRetention", "kafkaReplicas", "kafkaCompression"] as const;

/** The log is as `weir topics create` makes it. */
export async function startBenchCluster(cores: Cores): Promise<BenchCluster> {
  bind(cores.others);
  const broker = await startKafka().finally(() => bind(cores.measured));
  try {
    const url = `kafka://${broker.brokers.join(",")}`;
    const config = readSettings(["--log", url], {}, names);
    await createLogTopics(config, startTimeoutMs);
    const kafka = kafkaOf(config);
    const state = await openState(kafka);
    const identity = (await readIdentity(state.get))!;
    await state.close();
    const { connection, topics } = kafka;
    const { partitions } = identity;
    return {
      url,
      identity,
      log: { connection, topic: topics.events, identity, partitions },
      close: broker.close,
    };
  } catch (error) {
    await broker.close();
    throw error;
  }
}
