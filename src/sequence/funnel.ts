import { AnyOrderMachine } from "./funnel/any-order.ts";
import type { AttemptMachine } from "./funnel/machine.ts";
import { OrderedMachine } from "./funnel/ordered.ts";
import { StrictMachine } from "./funnel/strict.ts";
import { FunnelTally } from "./funnel/tally.ts";
import type { FunnelAnswer, FunnelOrder, FunnelQuestion, Machine, Rows } from "./sequence.ts";

const machines: Record<FunnelOrder, new (question: FunnelQuestion) => AttemptMachine> = {
  ordered: OrderedMachine,
  strict: StrictMachine,
  any_order: AnyOrderMachine,
};

/**
 * Counts the users that reach each step of a funnel.
 *
 * Memory: for each user with two steps or more as many numbers as steps reached, and one; of the user at hand, the
 * attempts that are alive.
 *
 * @throws RangeError for a question that the types allow and the definition does not
 */
export function createFunnel(question: FunnelQuestion): Machine<FunnelAnswer> {
  check(question);
  const machine = new machines[question.order](question);
  const tally = new FunnelTally(question);
  const stepBits = (1 << question.steps) - 1;
  const none = new Uint32Array();
  const noValues = new Int32Array();
  let user: number | undefined;
  let time = 0;

  function endUser() {
    if (user === undefined) return;
    if (!machine.done) machine.endInstant();
    tally.add(machine.best);
  }

  return {
    push({ length, users, times, masks, excluded = none, values = noValues }: Rows) {
      const hasExcluded = excluded.length > 0;
      const hasValues = values.length > 0;
      for (let i = 0; i < length; i++) {
        if (users[i] !== user) {
          endUser();
          user = users[i]!;
          machine.begin();
        } else {
          if (machine.done) continue;
          if (times[i] !== time) {
            machine.endInstant();
            if (machine.done) continue;
          }
        }
        time = times[i]!;
        machine.row(time, masks[i]! & stepBits, hasExcluded ? excluded[i]! : 0, hasValues ? values[i]! : 0);
      }
    },
    finish() {
      endUser();
      user = undefined;
      return tally.finish();
    },
  };
}

function check({ steps, windowUs, order, exclusions = [], breakdown }: FunnelQuestion): void {
  if (!(steps >= 2 && steps <= 20)) throw new RangeError("a funnel has 2 to 20 steps");
  if (!(windowUs >= 0)) throw new RangeError("a window is not negative");
  if (exclusions.length > 32) throw new RangeError("a funnel has at most 32 exclusions");
  for (const { from, to } of exclusions) {
    if (order === "any_order" && (from !== undefined || to !== undefined)) {
      throw new RangeError("in any order an exclusion holds anywhere");
    }
    if (!((from ?? 1) >= 1 && (from ?? 1) < (to ?? steps) && (to ?? steps) <= steps)) {
      throw new RangeError("an exclusion holds from a step to a later one");
    }
  }
  if (breakdown && !(breakdown.limit >= 1)) throw new RangeError("a breakdown has at least one group");
}
