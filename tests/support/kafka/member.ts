/**
 * A member of a group in a process of its own, as MembershipOptions in JSON at argv[2] say. Prints `partitions 0,1` when
 * they change. Commits what it held first, again and again under epoch 1, prints `committed` after each round and once
 * `refused NAME` when a round is, and commits no more.
 */
import { createMembership } from "../../../src/log/kafka/membership.ts";

const membership = await createMembership(JSON.parse(process.argv[2]!));
const held = Promise.withResolvers<readonly number[]>();

membership.onChange(() => {
  const partitions = membership.partitions();
  process.stdout.write(`partitions ${partitions.join(",")}\n`);
  if (partitions.length > 0) held.resolve(partitions);
});

const partitions = await held.promise;
for (let position = 1; ; position++) {
  try {
    await Promise.all(partitions.map((partition) => membership.commit(partition, { position, epoch: 1 })));
    process.stdout.write("committed\n");
  } catch (error) {
    process.stdout.write(`refused ${(error as Error).name}\n`);
    break;
  }
}
