/** AdminService's methods about dead letters: those of the caller's project, and for the platform those of no project. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import type { AdminService, DeadLetterSchema } from "../../gen/analytics/v1/admin_pb.js";
import type { Event } from "../../gen/analytics/v1/event_pb.js";
import { Scope } from "../contract/options.ts";
import type { Call, ServiceImplementation } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";
import { pageSizeOf } from "../domain/page-size.ts";
import type { Principal } from "../domain/principal.ts";
import { type DeadLetterPlace, deadLetterId, deadLetterPlace } from "../domain/record/dead-letter.ts";
import { timestampOf } from "../domain/record/flatten.ts";
import { decodeRecord } from "../domain/record/record.ts";
import type { DeadLetterQuestion, DeadLetterStore, StoredDeadLetter } from "../store/dead-letters.ts";
import type { AdminOptions } from "./service.ts";

type Methods = Pick<
  ServiceImplementation<typeof AdminService>,
  "listDeadLetters" | "replayDeadLetters" | "discardDeadLetters"
>;

/** What is said of records that are nobody's: what cannot be decoded, or names what no project can be called. */
const noProject = "";

export function deadLetterMethods({ deadLetters, cursors, replay }: AdminOptions): Methods {
  /** Those of the ids that exist. */
  async function find(ids: readonly string[], call: Call): Promise<Map<string, StoredDeadLetter>> {
    const places = ids.map(deadLetterPlace).filter((place) => place !== undefined);
    if (places.length === 0) return new Map();
    const projects = projectsOf(call.principal);
    const found = await deadLetters.deadLetters({ projects, places, limit: places.length }, call);
    return new Map(found.map((letter) => [deadLetterId(letter), letter]));
  }

  return {
    async listDeadLetters({ pageSize, pageToken, reason }, call) {
      const { project } = call.principal;
      const size = pageSizeOf(pageSize);
      const context = [project, reason];
      const projects = projectsOf(call.principal);
      const question = {
        projects,
        ...(reason === "" ? {} : { reason }),
        ...(pageToken === "" ? {} : { after: cursors.decode(pageToken, context) }),
      };
      const { page, last } = await readPage(deadLetters, question, size, call);
      return {
        deadLetters: page.map(messageOf),
        nextPageToken: last === undefined ? "" : cursors.encode(last, context),
      };
    },

    async replayDeadLetters({ deadLetterIds }, call) {
      const found = await find(deadLetterIds, call);
      // In the order of the log, which is that of the events.
      const inOrder = [...found.values()].sort((a, b) => a.partition - b.partition || a.offset - b.offset);
      const letters = inOrder.map((letter) => {
        const event = eventOf(letter);
        if (event === undefined) throw undecodable(letter);
        return { ...letter, userId: event.userId };
      });
      const { requestId, deadline, signal, principal } = call;
      const sender = { project: principal.project, requestId, deadline, signal };
      const { replayed, visibilityToken } =
        letters.length === 0 ? { replayed: 0, visibilityToken: "" } : await replay(letters, sender);
      return { replayedCount: replayed, missingIds: missing(deadLetterIds, found), visibilityToken };
    },

    async discardDeadLetters({ deadLetterIds }, call) {
      const found = await find(deadLetterIds, call);
      const places: DeadLetterPlace[] = [...found.values()];
      const discardedCount =
        places.length === 0 ? 0 : await deadLetters.discard(places, projectsOf(call.principal));
      return { discardedCount, missingIds: missing(deadLetterIds, found) };
    },
  };
}

/**
 * A page ends before the letter with which its records would have more bytes, each of which is sent twice, as the record and
 * as its event: clients of gRPC take 4 MiB by default.
 */
const pageBytes = 1536 * 1024;
/** How many are read from the store at a time, which may all be large. */
const atOnce = { first: 16, most: 128 };

/** At most `size` letters; `last` is the one that others follow, undefined where none does. */
async function readPage(
  store: DeadLetterStore,
  question: Omit<DeadLetterQuestion, "limit">,
  size: number,
  call: Call,
): Promise<{ page: readonly StoredDeadLetter[]; last?: StoredDeadLetter | undefined }> {
  const page: StoredDeadLetter[] = [];
  let bytes = 0;
  for (let { after } = question, most = atOnce.first; ; most = Math.min(2 * most, atOnce.most)) {
    // One more than the page tells whether another follows.
    const limit = Math.min(size + 1 - page.length, most);
    const found = await store.deadLetters(
      { ...question, ...(after === undefined ? {} : { after }), limit },
      call,
    );
    for (const letter of found) {
      bytes += letter.record.length;
      if (page.length === size || (page.length > 0 && bytes > pageBytes)) return { page, last: page.at(-1) };
      page.push(letter);
    }
    if (found.length < limit) return { page };
    after = page.at(-1);
  }
}

function projectsOf({ project, scopes }: Principal): string[] {
  return scopes.has(Scope.PLATFORM) ? [project, noProject] : [project];
}

function missing(ids: readonly string[], found: ReadonlyMap<string, unknown>): string[] {
  return ids.filter((id) => !found.has(id));
}

function messageOf(letter: StoredDeadLetter): MessageInitShape<typeof DeadLetterSchema> {
  const event = eventOf(letter);
  return {
    deadLetterId: deadLetterId(letter),
    partition: letter.partition,
    offset: BigInt(letter.offset),
    reason: letter.reason,
    message: letter.message,
    createTime: timestampOf(letter.createdUs),
    ...(event === undefined ? {} : { event }),
    record: letter.record,
    ...(letter.replayedUs === undefined ? {} : { replayTime: timestampOf(letter.replayedUs) }),
  };
}

/** Undefined where the record cannot be decoded. */
function eventOf({ record }: StoredDeadLetter): Event | undefined {
  try {
    return decodeRecord(record).event;
  } catch {
    return undefined;
  }
}

function undecodable(letter: StoredDeadLetter): WeirError {
  const message = `dead letter ${deadLetterId(letter)} cannot be decoded, and so not replayed`;
  return new WeirError("FAILED_PRECONDITION", "UNDECODABLE", message);
}
