import type { Slots } from "../slots.ts";
import type { SqlEngine } from "../sql/engine.ts";
import type { AskOptions } from "../store.ts";
import { createDuckdbEngine } from "./engine.ts";
import type { Layout } from "./layout.ts";
import type { Link, PendingCall } from "./link.ts";
import type { OtherLayout } from "./protocol.ts";

/**
 * Plans for the layout that the data has, and calls the worker with the plan when its turn comes. Where a key got its
 * column meanwhile, both are done anew: the deadline bounds how often.
 *
 * @throws WeirError as Slots.run
 */
export type Ask = <P, A extends object>(
  planFor: (engine: SqlEngine, layout: Layout) => P,
  call: (plan: P, layout: Layout) => PendingCall<A | OtherLayout>,
  options: AskOptions,
) => Promise<{ plan: P; answer: A }>;

export function askAtPresentLayout(link: Link, slots: Slots): Ask {
  return async (planFor, call, options) => {
    for (let { layout } = link.state; ; ) {
      const made = layout;
      const plan = planFor(createDuckdbEngine(made, link.state.users), made);
      const answer = await slots.run(() => call(plan, made), options);
      if (!("layout" in answer)) return { plan, answer };
      ({ layout } = answer);
    }
  };
}
