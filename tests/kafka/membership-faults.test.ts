import { setImmediate } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Applied, followApplied } from "../../src/log/kafka/applied.ts";
import { createGroupOffsets, reachOffsets } from "../../src/log/kafka/membership/offsets.ts";
import { createGroupProtocol } from "../../src/log/kafka/membership/protocol.ts";
import { noClaim } from "../../src/log/kafka/membership/strategy.ts";
import { createMembership, type Membership, NotAssignedError } from "../../src/log/kafka/membership.ts";
import { LogStartError } from "../../src/log/log.ts";
import { openKafkaLog } from "../support/kafka/log.ts";
import { type Members, newGroup, patiently } from "../support/kafka/members.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";
import { logRecord } from "../support/level-log.ts";

const everything = [0, 1, 2, 3];

describe("a group that shares a log, when things fail", () => {
  let broker: KafkaBroker;
  let members: Members;
  let connection: { readonly brokers: readonly string[]; readonly requestTimeoutMs: number };
  const ends: (() => Promise<unknown>)[] = [];

  beforeAll(async () => {
    broker = await startKafka();
    connection = { ...broker, requestTimeoutMs: 800 };
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    members = await newGroup(broker);
  });
  afterEach(async () => {
    broker.resume();
    for (const end of ends.splice(0)) await end();
    await members.close();
  });

  /** Shorter than what happens to who dies or is cut off. */
  const shortly = { sessionTimeoutMs: 2500 };

  async function follow(): Promise<Applied> {
    const { topic, group } = members;
    const options = { connection, topic, group, partitions: 4, pollMs: 20, stalledAfterMs: 500 };
    const follower = await followApplied(options);
    ends.push(follower.close);
    return follower;
  }

  /** Commits each partition once, tried again for as long as that takes. */
  async function commitAll(among: readonly Membership[], position: number): Promise<void> {
    for (const partition of everything) {
      await vi.waitFor(async () => {
        const owner = among.find((one) => one.partitions().includes(partition));
        await owner!.commit(partition, { position, epoch: 1 });
      }, patiently);
    }
  }

  /** The group's coordinator as a member speaks to it, with nobody who minds its own state. */
  async function bare(sessionTimeoutMs: number) {
    const { topic, group } = members;
    const options = {
      connection,
      topic,
      group,
      partitions: 4,
      mode: "spread" as const,
      sessionTimeoutMs,
      rebalanceTimeoutMs: 10_000,
    };
    await reachOffsets(options, everything, 30_000);
    const protocol = createGroupProtocol(options);
    const offsets = createGroupOffsets(options);
    ends.push(protocol.close, offsets.close);
    return { protocol, offsets, join: (id: string) => protocol.join(id, noClaim, () => {}) };
  }

  it("takes no commit from a former owner that is a member still, by the broker's own refusal", async () => {
    const former = await bare(30_000);
    const first = await former.join("");
    await former.offsets.commit(first, new Map([[3, { position: 1, epoch: 1 }]]));
    const other = await members.open();
    await vi.waitFor(() => expect(former.protocol.heartbeat(first)).rejects.toThrow(/rebalanc/), patiently);
    // While the group waits for it, it may still commit.
    await former.offsets.commit(first, new Map([[3, { position: 2, epoch: 1 }]]));
    const second = await former.join(first.memberId);
    expect(second.memberId).toBe(first.memberId);
    expect(second.partitions.length).toBe(2);
    const given = everything.find((partition) => !second.partitions.includes(partition))!;
    await vi.waitFor(() => expect(other.partitions()).toContain(given), patiently);
    await other.commit(given, { position: 5, epoch: 2 });
    const late = former.offsets.commit(first, new Map([[given, { position: 3, epoch: 1 }]]));
    await expect(late).rejects.toMatchObject({ type: "ILLEGAL_GENERATION" });
    expect(await other.committed(given)).toEqual({ position: 5, epoch: 2 });
    await former.protocol.leave(first.memberId);
  });

  it("takes no commit from a former owner whose membership has expired, by the broker's own refusal", async () => {
    const former = await bare(1000);
    const first = await former.join("");
    const other = await members.open();
    await members.shared([other]);
    const late = former.offsets.commit(first, new Map([[0, { position: 3, epoch: 1 }]]));
    await expect(late).rejects.toMatchObject({ type: "UNKNOWN_MEMBER_ID" });
    expect(await other.committed(0)).toBeUndefined();
  });

  it("takes no commit from a process that was frozen while another one took over", async () => {
    const frozen = members.spawn(shortly);
    await vi.waitFor(() => expect(frozen.lines).toContain("committed"), patiently);
    frozen.stop();
    const living = await members.open();
    await members.shared([living]);
    const commits = everything.map((p) => ({ position: 10 ** 9 + p, epoch: 2 }));
    await Promise.all(commits.map((commit, partition) => living.commit(partition, commit)));
    frozen.resume();
    await vi.waitFor(() => expect(frozen.lines).toContain("refused NotAssignedError"), patiently);
    await members.shared([frozen, living], 2);
    expect(await Promise.all(everything.map((p) => living.committed(p)))).toEqual(commits);
  });

  it("goes on by itself after the broker was killed and started again", async () => {
    const both = [await members.open({ connection }), await members.open({ connection })];
    await members.shared(both, 2);
    const applied = await follow();
    await commitAll(both, 1);
    await broker.kill9();
    await vi.waitFor(() => expect(applied.health().status).toBe("unhealthy"), patiently);
    await broker.restart();
    await commitAll(both, 2);
    await members.shared(both, 2);
    await vi.waitFor(() => expect(applied.positions()).toEqual([2, 2, 2, 2]), patiently);
    await vi.waitFor(() => expect(applied.health().status).toBe("healthy"), patiently);
  });

  it("counts everything as lost once its heartbeats had no answer for a session, and gets it back", async () => {
    const revoked: (readonly number[])[] = [];
    const owner = await members.open({
      connection,
      ...shortly,
      outsideAfterMs: 100,
      commitTimeoutMs: 200,
      onRevoke: async (partitions) => void revoked.push(partitions),
    });
    await members.shared([owner]);
    await commitAll([owner], 1);
    await broker.stall();
    await expect(owner.commit(0, { position: 2, epoch: 1 })).rejects.toThrow();
    await vi.waitFor(() => expect(owner.partitions()).toEqual([]), patiently);
    await vi.waitFor(() => expect(revoked).toContainEqual(everything), patiently);
    await expect(owner.commit(0, { position: 2, epoch: 1 })).rejects.toThrow(NotAssignedError);
    await vi.waitFor(() => expect(owner.health().message).toMatch(/^no member of group/), patiently);
    broker.resume();
    await members.shared([owner]);
    await commitAll([owner], 3);
    await vi.waitFor(() => expect(owner.health().status).toBe("healthy"), patiently);
  });

  it("gives up what it holds with a commit that may still be done, and has it back in a new generation", async () => {
    const leader = await members.open({ connection });
    await members.shared([leader]);
    const revoked: (readonly number[])[] = [];
    const owner = await members.open({
      connection,
      sessionTimeoutMs: 30_000,
      commitTimeoutMs: 200,
      onRevoke: async (partitions) => void revoked.push(partitions),
    });
    await members.shared([leader, owner], 2);
    for (const position of [1, 2]) {
      const before = revoked.length;
      const partition = await vi.waitFor(async () => {
        const [own = -1] = owner.partitions();
        await owner.commit(own, { position: position - 1, epoch: 1 });
        return own;
      }, patiently);
      const { generation } = owner.stats();
      await broker.stall();
      const late = owner.commit(partition, { position, epoch: 1 });
      await expect(late).rejects.toMatchObject({ reason: "LOG_UNAVAILABLE" });
      expect(owner.partitions()).toEqual([]);
      broker.resume();
      await vi.waitFor(() => expect(revoked.length).toBeGreaterThan(before), patiently);
      await members.shared([leader, owner], 2);
      expect(owner.stats().generation).toBeGreaterThan(generation as number);
    }
    await commitAll([leader, owner], 3);
  });

  it("is left while no broker answers, without waiting for one", async () => {
    const owner = await members.open({ connection, closeTimeoutMs: 200 });
    await members.shared([owner]);
    const joining = await members.open({ connection });
    await broker.stall();
    await Promise.all([owner.close(), joining.close()]);
    expect(owner.partitions()).toEqual([]);
    broker.resume();
  });

  it("leaves no timer and no connection behind", async () => {
    const held = (kind: string) => process.getActiveResourcesInfo().filter((one) => one === kind).length;
    const before = held("Timeout");
    const owner = await members.open();
    const applied = await follow();
    await members.shared([owner]);
    await owner.commit(0, { position: 1, epoch: 1 });
    expect(held("TCPSocketWrap")).toBeGreaterThan(0);
    await applied.close();
    await owner.close();
    expect(held("TCPSocketWrap")).toBe(0);
    expect(held("Timeout")).toBeLessThanOrEqual(before);
  });

  it("is looked at no longer once that is given up, though no broker answers", async () => {
    const { topic, group } = members;
    const end = new AbortController();
    // No request ends for its time before the test does.
    const patient = { ...connection, requestTimeoutMs: 3_600_000 };
    const options = {
      connection: patient,
      topic,
      group,
      partitions: 4,
      pollMs: 3_600_000,
      givenUp: end.signal,
    };
    const applied = await followApplied(options);
    ends.push(applied.close);
    await applied.refresh();
    await broker.stall();
    const looking = expect(applied.refresh()).rejects.toThrow(/closed/);
    await setImmediate();
    end.abort();
    await looking;
    await expect(applied.refresh()).rejects.toThrow("the connection was closed");
  });

  it("believes an operator who sets its offsets back", async () => {
    const { group, topic } = members;
    const { log } = await openKafkaLog(broker, { topic });
    ends.push(log.close);
    const appended = await log.append(Array.from({ length: 9 }, (_, i) => logRecord(`${i}`)));
    const partition = appended.partitions[0]!;
    const owner = await members.open();
    await members.shared([owner]);
    await owner.commit(partition, { position: 9, epoch: 4 });
    const applied = await follow();
    expect(applied.positions()[partition]).toBe(9);
    await owner.close();
    const where = ["--bootstrap-server", broker.brokers[0]!, "--group", group];
    const to = ["--reset-offsets", "--topic", `${topic}:${partition}`, "--to-offset", "3", "--execute"];
    await broker.tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", [...where, ...to]);
    await vi.waitFor(() => expect(applied.positions()[partition]).toBe(3), patiently);
    const reader = await members.open();
    expect(await reader.committed(partition)).toEqual({ position: 3, epoch: 0 });
  });

  it("is not joined where there is no broker, or no such topic", async () => {
    const options = { ...members, partitions: 4, mode: "spread" as const, startTimeoutMs: 300 };
    const nowhere = { brokers: ["127.0.0.1:1"] };
    await expect(createMembership({ ...options, connection: nowhere })).rejects.toThrow(LogStartError);
    await expect(createMembership({ ...options, connection, topic: "absent" })).rejects.toThrow(
      LogStartError,
    );
    await expect(followApplied({ ...options, connection: nowhere })).rejects.toThrow(LogStartError);
  });
});
