/** Who gets which partitions: what the leader of a group decides for all of its members. */

/** What a member says that it was last given, so that it can keep it. */
export interface Claim {
  /** Of the group, in which it was given; the newest one counts. -1: none yet. */
  readonly generation: number;
  readonly partitions: readonly number[];
}

export interface Claimant {
  readonly memberId: string;
  readonly claim: Claim;
}

/**
 * `spread`: every member gets as many as any other, or one more. `single`: one gets all, the others wait for its end.
 */
export type AssignmentMode = "spread" | "single";

/** The partitions, 0 to `count` - 1, by member id; in order. Members keep what they had as far as the mode allows. */
export function assign(
  mode: AssignmentMode,
  count: number,
  members: readonly Claimant[],
): ReadonlyMap<string, readonly number[]> {
  const kept = ownedBy(members, count);
  // Who owns more goes first, so that nothing moves where nothing has changed.
  const order = [...kept.keys()].sort(
    (a, b) => kept.get(b)!.length - kept.get(a)!.length || (a < b ? -1 : a > b ? 1 : 0),
  );
  const quota = (place: number) => {
    if (mode === "single") return place === 0 ? count : 0;
    return Math.floor(count / order.length) + (place < count % order.length ? 1 : 0);
  };
  const assigned = new Map(order.map((id, place) => [id, kept.get(id)!.slice(0, quota(place))]));
  const taken = new Set([...assigned.values()].flat());
  const free = Array.from({ length: count }, (_, partition) => partition).filter((p) => !taken.has(p));
  for (const [place, id] of order.entries()) {
    const own = assigned.get(id)!;
    own.push(...free.splice(0, quota(place) - own.length));
    own.sort((a, b) => a - b);
  }
  return assigned;
}

/** What each member owned; of two who claim the same partition, who was given it later. */
function ownedBy(members: readonly Claimant[], count: number): Map<string, number[]> {
  const owners = new Map<number, Claimant>();
  for (const member of members) {
    for (const partition of member.claim.partitions) {
      const other = owners.get(partition);
      if (partition >= count || (other && other.claim.generation >= member.claim.generation)) continue;
      owners.set(partition, member);
    }
  }
  const owned = new Map(members.map(({ memberId }) => [memberId, [] as number[]]));
  for (const partition of [...owners.keys()].sort((a, b) => a - b)) {
    owned.get(owners.get(partition)!.memberId)!.push(partition);
  }
  return owned;
}

export function encodeClaim({ generation, partitions }: Claim): Buffer {
  return Buffer.from(JSON.stringify({ generation, partitions }));
}

/** What cannot be read claims nothing. */
export function decodeClaim(bytes: Uint8Array): Claim {
  try {
    const { generation, partitions } = JSON.parse(Buffer.from(bytes).toString()) as Partial<Claim>;
    if (Number.isInteger(generation) && Array.isArray(partitions) && partitions.every(isPartition)) {
      return { generation: generation!, partitions };
    }
  } catch {
    // It is no JSON.
  }
  return noClaim;
}

export const noClaim: Claim = { generation: -1, partitions: [] };

function isPartition(value: unknown): boolean {
  return Number.isInteger(value) && (value as number) >= 0;
}
