/** Records as Java's own producer sends them and Java's own consumer reads them. */
import { join } from "node:path";
import type { KafkaBroker } from "../kafka.ts";
import { repository } from "../process.ts";

/** Java runs it as it stands. */
const program = join(repository, "tests/support/kafka/Records.java");

export interface JavaRecord {
  readonly key: string;
  /** Default: as the producer's own partitioner has it. */
  readonly partition?: number;
  /** null: the record has none. */
  readonly value: Uint8Array | null;
}

/**
 * @param codec that the producer compresses by, as it names them
 * @returns where each stands
 */
export async function sendByJava(
  { brokers, tool }: KafkaBroker,
  topic: string,
  records: readonly JavaRecord[],
  codec = "none",
): Promise<{ partition: number; offset: number }[]> {
  const lines = records.map(
    ({ key, partition = "-", value }) =>
      `${key}\t${partition}\t${value === null ? "-" : Buffer.from(value).toString("base64")}\n`,
  );
  const printed = await tool(program, ["send", brokers.join(","), topic, codec], lines.join(""));
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [partition, offset] = line.split("\t").map(Number);
      return { partition: partition!, offset: offset! };
    });
}

export interface JavaCommit {
  readonly partition: number;
  readonly offset: number;
  readonly metadata: string;
}

/** Commits offsets of a group that has no members. */
export async function commitByJava(
  { brokers, tool }: KafkaBroker,
  topic: string,
  group: string,
  commits: readonly JavaCommit[],
): Promise<void> {
  const lines = commits.map(({ partition, offset, metadata }) => `${partition}\t${offset}\t${metadata}\n`);
  await tool(program, ["commit", brokers.join(","), topic, group], lines.join(""));
}

/** The first so many records of a topic that has them. */
export async function readByJava({ brokers, tool }: KafkaBroker, topic: string, count: number) {
  const printed = await tool(program, ["read", brokers.join(","), topic, String(count)]);
  return printed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [partition, offset, key, headers, value] = line.split("\t") as [
        string,
        string,
        string,
        string,
        string,
      ];
      return {
        partition: Number(partition),
        offset: Number(offset),
        key,
        headers: Object.fromEntries(headers.split(",").map((header) => header.split("="))) as Record<
          string,
          string
        >,
        value: Buffer.from(value, "base64"),
      };
    });
}
