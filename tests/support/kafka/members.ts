/** Members of consumer groups, in this process and in others, for tests. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, vi } from "vitest";
import type { KafkaConnection } from "../../../src/log/kafka/client.ts";
import {
  createMembership,
  type Membership,
  type MembershipOptions,
} from "../../../src/log/kafka/membership.ts";
import { createEventTopic, newTopicName } from "./log.ts";

export interface MemberProcess {
  /** Lines that it has printed. */
  readonly lines: readonly string[];
  /** Partitions that it last said it has. */
  partitions(): number[];
  /** Ends it at once. */
  kill9(): Promise<void>;
  /** Freezes it. */
  stop(): void;
  resume(): void;
}

export interface Members {
  readonly group: string;
  readonly topic: string;
  open(options?: Partial<MembershipOptions>): Promise<Membership>;
  spawn(options?: Partial<MembershipOptions>): MemberProcess;
  /** Waits until these hold every partition, each one once, and none holds fewer than `least`. */
  shared(among: readonly (Membership | MemberProcess)[], least?: number): Promise<number[][]>;
  /** Ends all of them. */
  close(): Promise<void>;
}

/** How long tests wait for what comes in its own time. */
export const patiently = { timeout: 60_000, interval: 20 };
const script = fileURLToPath(new URL("member.ts", import.meta.url));

/** Members of a new group over a new topic, by default of 4 partitions. */
export async function newGroup(connection: KafkaConnection, partitions = 4): Promise<Members> {
  const { brokers } = connection;
  const [topic, group] = [await createEventTopic(connection, partitions), newTopicName()];
  const all = Array.from({ length: partitions }, (_, partition) => partition);
  const defaults = { connection: { brokers }, group, topic, partitions, mode: "spread" as const };
  const opened: Membership[] = [];
  const children: ChildProcess[] = [];

  return {
    group,
    topic,
    async open(options) {
      const membership = await createMembership({ ...defaults, ...options });
      opened.push(membership);
      return membership;
    },
    spawn(options) {
      const child = spawn(process.execPath, [script, JSON.stringify({ ...defaults, ...options })], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      children.push(child);
      const lines: string[] = [];
      createInterface({ input: child.stdout! }).on("line", (line) => lines.push(line));
      return {
        lines,
        partitions() {
          const last = lines.findLast((line) => line.startsWith("partitions "))?.slice("partitions ".length);
          return last ? last.split(",").map(Number) : [];
        },
        kill9: () => end(child),
        stop: () => child.kill("SIGSTOP"),
        resume: () => child.kill("SIGCONT"),
      };
    },
    async shared(among, least = 0) {
      const held = () => among.map((one) => [...one.partitions()]);
      await vi.waitFor(() => {
        expect(held().flat().sort()).toEqual(all);
        expect(Math.min(...held().map(({ length }) => length))).toBeGreaterThanOrEqual(least);
      }, patiently);
      return held();
    },
    async close() {
      await Promise.all(children.splice(0).map(end));
      await Promise.all(opened.splice(0).map((membership) => membership.close()));
    },
  };
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const exited = once(child, "exit");
  child.kill("SIGKILL");
  await exited;
}
