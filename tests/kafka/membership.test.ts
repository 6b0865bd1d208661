import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { type Applied, followApplied } from "../../src/log/kafka/applied.ts";
import { NotAssignedError } from "../../src/log/kafka/membership.ts";
import { type Members, newGroup, patiently } from "../support/kafka/members.ts";
import { type KafkaBroker, startKafka } from "../support/kafka.ts";

describe("a group that shares a log", () => {
  let broker: KafkaBroker;
  let members: Members;
  const followers: Applied[] = [];

  beforeAll(async () => {
    broker = await startKafka();
  });
  afterAll(() => broker.close());
  beforeEach(async () => {
    members = await newGroup(broker);
  });
  afterEach(async () => {
    for (const follower of followers.splice(0)) await follower.close();
    await members.close();
  });

  /** Short, where a test waits for a member that has died. */
  const shortly = { sessionTimeoutMs: 2500 };

  it("gives one member everything, shares it with a second, and gives it back when that leaves", async () => {
    const first = await members.open();
    await members.shared([first]);
    const second = await members.open();
    const halves = await members.shared([first, second], 2);
    expect(halves.map(({ length }) => length)).toEqual([2, 2]);
    await second.close();
    expect(second.partitions()).toEqual([]);
    await members.shared([first]);
    expect(first.health()).toEqual({ name: "membership", status: "healthy", message: "" });
  });

  it("gives the partitions of a member that has died to those that live", async () => {
    const dying = members.spawn(shortly);
    await members.shared([dying]);
    const living = await members.open();
    await members.shared([dying, living], 2);
    await dying.kill9();
    await members.shared([living]);
  });

  it("leaves to each member what it has, as far as that goes, when another one joins and leaves", async () => {
    members = await newGroup(broker, 6);
    const [first, second] = [await members.open(), await members.open()];
    const before = await members.shared([first, second], 3);
    const third = await members.open();
    const between = await members.shared([first, second, third], 2);
    expect(before[0]).toEqual(expect.arrayContaining(between[0]!));
    expect(before[1]).toEqual(expect.arrayContaining(between[1]!));
    await third.close();
    const after = await members.shared([first, second], 3);
    expect(after[0]).toEqual(expect.arrayContaining(between[0]!));
    expect(after[1]).toEqual(expect.arrayContaining(between[1]!));
  });

  it("keeps positions and epochs that any member can read, several of them in one tick", async () => {
    const owner = await members.open();
    await members.shared([owner]);
    expect(await owner.committed(0)).toBeUndefined();
    const commits = [0, 1, 2, 3].map((p) => ({ position: 10 ** 12 + p, epoch: 2 ** 40 + p }));
    await Promise.all(commits.map((commit, partition) => owner.commit(partition, commit)));
    const other = await members.open();
    expect(await Promise.all([0, 1, 2, 3].map((p) => other.committed(p)))).toEqual(commits);
  });

  it("takes of two commits in one tick the later one", async () => {
    const owner = await members.open();
    await members.shared([owner]);
    await Promise.all([1, 2, 3].map((position) => owner.commit(0, { position, epoch: 1 })));
    expect(await owner.committed(0)).toEqual({ position: 3, epoch: 1 });
  });

  it("takes no commit of a partition that is not the member's, nor of what it began before another owner", async () => {
    const first = await members.open();
    await members.shared([first]);
    await Promise.all([0, 1, 2, 3].map((p) => first.commit(p, { position: 1, epoch: 1 })));
    const second = await members.open();
    const [, [given = -1] = []] = await members.shared([first, second], 2);
    await expect(first.commit(given, { position: 2, epoch: 1 })).rejects.toThrow(NotAssignedError);
    await second.commit(given, { position: 5, epoch: 2 });
    await second.close();
    await members.shared([first]);
    // Its own again, but not what was done in its former time.
    await expect(first.commit(given, { position: 2, epoch: 1 })).rejects.toThrow(/owner of epoch 2, not 1/);
    expect(await first.committed(given)).toEqual({ position: 5, epoch: 2 });
    await first.commit(given, { position: 6, epoch: 3 });
    expect(await second.committed(given).catch((error: Error) => error.message)).toMatch(/closed/);
  });

  it("gives nobody a partition before its owner has handed it over, which may commit until then", async () => {
    const handing = Promise.withResolvers<readonly number[]>();
    const ready = Promise.withResolvers<void>();
    const first = await members.open({
      onRevoke(partitions) {
        handing.resolve(partitions);
        return ready.promise;
      },
    });
    await members.shared([first]);
    const second = await members.open();
    expect(await handing.promise).toEqual([0, 1, 2, 3]);
    expect(first.partitions()).toEqual([]);
    await first.commit(3, { position: 7, epoch: 1 });
    expect(second.partitions()).toEqual([]);
    ready.resolve();
    await members.shared([first, second], 2);
    expect(await second.committed(3)).toEqual({ position: 7, epoch: 1 });
  });

  it("waits no longer than its rebalance timeout for a member that does not hand over", async () => {
    const never = new Promise<void>(() => {});
    const first = await members.open({
      onRevoke: () => never,
      rebalanceTimeoutMs: 1000,
      closeTimeoutMs: 100,
    });
    await members.shared([first]);
    const second = await members.open();
    const [, [given = -1] = []] = await members.shared([first, second], 2);
    await second.commit(given, { position: 5, epoch: 2 });
    await expect(first.commit(given, { position: 2, epoch: 1 })).rejects.toThrow(NotAssignedError);
  });

  it("gives everything to one member where it shall, and to a spare when that one dies", async () => {
    const owner = members.spawn({ mode: "single", ...shortly });
    await members.shared([owner]);
    const spare = await members.open({ mode: "single" });
    await vi.waitFor(() => expect(spare.health().message).toMatch(/^a spare: another member/), patiently);
    expect(spare.health().status).toBe("degraded");
    const held = await members.shared([owner, spare]);
    expect(held).toEqual([[0, 1, 2, 3], []]);
    await owner.kill9();
    await members.shared([spare]);
    await vi.waitFor(() => expect(spare.health().status).toBe("healthy"), patiently);
  });

  it("takes no member of the other mode", async () => {
    const first = await members.open();
    await members.shared([first]);
    const other = await members.open({ mode: "single", outsideAfterMs: 100 });
    await vi.waitFor(
      () => expect(other.health().message).toMatch(/no member of group .*protocol/),
      patiently,
    );
    expect(other.partitions()).toEqual([]);
    expect(first.partitions()).toEqual([0, 1, 2, 3]);
  });

  it("shows what it has applied to who is no member, which may also look at once", async () => {
    const follow = async (pollMs: number) => {
      const follower = await followApplied({ connection: broker, ...members, partitions: 4, pollMs });
      followers.push(follower);
      return follower;
    };
    const [follower, looker] = [await follow(10), await follow(3_600_000)];
    expect(follower.positions()).toEqual([0, 0, 0, 0]);
    const told: (readonly number[])[] = [];
    const stop = follower.onApplied(() => told.push(follower.positions()));
    const owner = await members.open();
    await members.shared([owner]);
    await owner.commit(1, { position: 11, epoch: 1 });
    await vi.waitFor(() => expect(told).toEqual([[0, 11, 0, 0]]), patiently);
    stop();
    await owner.commit(2, { position: 12, epoch: 1 });
    expect(looker.positions()).toEqual([0, 0, 0, 0]);
    await looker.refresh();
    expect(looker.positions()).toEqual([0, 11, 12, 0]);
    await vi.waitFor(() => expect(follower.positions()).toEqual([0, 11, 12, 0]), patiently);
    expect(told.length).toBe(1);
    const healthy = { name: "applied", status: "healthy", message: "" };
    await vi.waitFor(() => expect(follower.health()).toEqual(healthy), patiently);
  });
});
