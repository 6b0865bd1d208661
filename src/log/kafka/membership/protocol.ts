/** What a member says to the coordinator of its group: Kafka's classic protocol of groups. */
import kafkajs from "kafkajs";
import type { KafkaConnection } from "../client.ts";
import { apiKeys, joinGroup, type RawBroker, type RawJoined, syncGroup } from "../internals.ts";
import { type CoordinatorOptions, createCoordinator, typeOf } from "./coordinator.ts";
import { type AssignmentMode, assign, type Claim, decodeClaim, encodeClaim } from "./strategy.ts";

/** A member in one generation of its group, as commits and heartbeats name it. */
export interface MemberIdentity {
  readonly memberId: string;
  readonly generation: number;
}

export interface Joined extends MemberIdentity {
  /** What it is given, in order. */
  readonly partitions: readonly number[];
  /** How many members there are, where this one leads them. */
  readonly members: number | undefined;
}

export interface GroupProtocol {
  /**
   * Joins, or joins again, and waits for the other members, up to the rebalance timeout.
   *
   * @param onMemberId told under which id this member joins, as soon as that is known
   */
  join(memberId: string, claim: Claim, onMemberId: (memberId: string) => void): Promise<Joined>;
  /** @throws also where the group is being rebalanced, and the member is still one */
  heartbeat(member: MemberIdentity): Promise<void>;
  leave(memberId: string): Promise<void>;
  /** Ends what is under way, which then rejects, and all that comes. */
  close(): Promise<void>;
}

export interface GroupProtocolOptions extends CoordinatorOptions {
  readonly partitions: number;
  readonly mode: AssignmentMode;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
}

const { MemberMetadata, MemberAssignment } = kafkajs.AssignerProtocol;
/** The type of group that Kafka's tools can show. */
const protocolType = "consumer";
/** Of the two encodings above. */
const version = 0;
/** How much longer than a broker we wait for what it waits for itself. */
const slackMs = 5000;

export function createGroupProtocol(options: GroupProtocolOptions): GroupProtocol {
  const { group, topic, partitions, mode, sessionTimeoutMs, rebalanceTimeoutMs } = options;
  const coordinator = createCoordinator({ ...options, connection: hastier(options) });
  const requestTimeout = rebalanceTimeoutMs + slackMs;
  // Members with other names are refused: those of another mode, or of another log.
  const name = `weir-${mode}:${topic}`;

  function requestJoin(broker: RawBroker, memberId: string, claim: Claim): Promise<RawJoined> {
    const metadata = MemberMetadata.encode({ version, topics: [topic], userData: encodeClaim(claim) });
    const request = broker.lookupRequest(
      apiKeys.joinGroup,
      joinGroup,
    )({
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: rebalanceTimeoutMs,
      memberId,
      protocolType,
      groupProtocols: [{ name, metadata }],
    });
    return broker.connectionPool.send({ ...request, requestTimeout });
  }

  /** What the leader gives to each member. */
  function decide(joined: RawJoined) {
    const claimants = joined.members.map(({ memberId, memberMetadata }) => ({
      memberId,
      claim: decodeClaim(MemberMetadata.decode(memberMetadata)?.userData ?? Buffer.of()),
    }));
    return [...assign(mode, partitions, claimants)].map(([memberId, given]) => ({
      memberId,
      memberAssignment: MemberAssignment.encode({
        version,
        assignment: { [topic]: [...given] },
        userData: Buffer.of(),
      }),
    }));
  }

  return {
    join: (memberId, claim, onMemberId) =>
      coordinator.using(async (broker) => {
        const joined = await requestJoin(broker, memberId, claim).catch((error: unknown) => {
          if (typeOf(error) !== "MEMBER_ID_REQUIRED") throw error;
          // Now the group waits for a member of this id.
          const { memberId: given } = error as { readonly memberId: string };
          onMemberId(given);
          return requestJoin(broker, given, claim);
        });
        onMemberId(joined.memberId);
        const leads = joined.leaderId === joined.memberId;
        const request = broker.lookupRequest(
          apiKeys.syncGroup,
          syncGroup,
        )({
          groupId: group,
          generationId: joined.generationId,
          memberId: joined.memberId,
          groupAssignment: leads ? decide(joined) : [],
        });
        const { memberAssignment } = await broker.connectionPool.send({ ...request, requestTimeout });
        return {
          memberId: joined.memberId,
          generation: joined.generationId,
          partitions: MemberAssignment.decode(memberAssignment)?.assignment[topic] ?? [],
          members: leads ? joined.members.length : undefined,
        };
      }),
    heartbeat: ({ memberId, generation }) =>
      coordinator.using(async (broker) => {
        await broker.heartbeat({ groupId: group, groupGenerationId: generation, memberId });
      }),
    leave: (memberId) =>
      coordinator.using(async (broker) => {
        await broker.leaveGroup({ groupId: group, memberId });
      }),
    close: coordinator.close,
  };
}

/** So that a heartbeat that gets no answer is given up early enough for another one. */
function hastier({ connection, sessionTimeoutMs }: GroupProtocolOptions): KafkaConnection {
  const mostMs = Math.ceil(sessionTimeoutMs / 2);
  return {
    ...connection,
    requestTimeoutMs: Math.min(connection.requestTimeoutMs ?? mostMs, mostMs),
    connectionTimeoutMs: Math.min(connection.connectionTimeoutMs ?? 3000, mostMs),
  };
}
