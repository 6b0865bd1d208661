/** The broker that coordinates a group, wherever it is by now. */
import type { KafkaConnection } from "../client.ts";
import type { RawBroker, RawCluster } from "../internals.ts";
import { createSession, type SessionOptions } from "../session.ts";

export interface Coordinator {
  /** @throws what `work` throws, and where there is no coordinator or no connection to it */
  using<T>(work: (broker: RawBroker) => Promise<T>): Promise<T>;
  /** Ends what is under way, which then rejects, and all that comes. Resolves when the connections are gone. */
  close(): Promise<void>;
}

export interface CoordinatorOptions {
  readonly connection: KafkaConnection;
  readonly group: string;
  readonly topic: string;
}

/** What `findGroupCoordinator` may look for; the other kind is that of transactions. */
const groupCoordinator = 0;

/** What a coordinator says of a member or a group. Anything else may mean that it is the coordinator no longer. */
const harmless: ReadonlySet<string | undefined> = new Set([
  "REBALANCE_IN_PROGRESS",
  "ILLEGAL_GENERATION",
  "UNKNOWN_MEMBER_ID",
  "MEMBER_ID_REQUIRED",
  "INCONSISTENT_GROUP_PROTOCOL",
  "GROUP_LOAD_IN_PROGRESS",
]);

export function createCoordinator({ connection, group, topic }: CoordinatorOptions): Coordinator {
  const isHarmless: SessionOptions["isHarmless"] = (error) => harmless.has(typeOf(error));
  const session = createSession({ connection, topic, isHarmless });
  /** Looked for once a connection, which ends where a broker says that it is not the one. */
  const found = new WeakMap<RawCluster, string>();

  async function find(cluster: RawCluster): Promise<string> {
    const known = found.get(cluster);
    if (known !== undefined) return known;
    const broker = await cluster.findControllerBroker();
    const { coordinator } = await broker.findGroupCoordinator({
      groupId: group,
      coordinatorType: groupCoordinator,
    });
    const nodeId = String(coordinator.nodeId);
    found.set(cluster, nodeId);
    return nodeId;
  }

  return {
    using: (work) =>
      session.using(async (cluster) => work(await cluster.findBroker({ nodeId: await find(cluster) }))),
    close: session.close,
  };
}

/** The broker's name of what is wrong; undefined where it is not a broker that said so. */
export function typeOf(error: unknown): string | undefined {
  return (error as { readonly type?: string }).type;
}

/** Whether a coordinator refuses a member: it has been replaced, or the group goes by another generation. */
export function isMemberRefusal(error: unknown): boolean {
  const type = typeOf(error);
  return type === "UNKNOWN_MEMBER_ID" || type === "ILLEGAL_GENERATION" || type === "REBALANCE_IN_PROGRESS";
}
