/** Funnels: how many users get how far through a sequence of steps. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import {
  FunnelEntry,
  FunnelOrder,
  type FunnelStepSchema,
  type FunnelTimesSchema,
} from "../../gen/analytics/v1/analytics_funnel_pb.js";
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import type { Durations, FunnelQuestion, FunnelStep } from "../store/sequences.ts";
import { matchOf } from "./match.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import { durationUs, limitOf, parseDimension } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getFunnelAnalysis">;

const defaultWindowUs = 7 * 86_400_000_000;

const orders: Record<FunnelOrder, FunnelQuestion["order"]> = {
  [FunnelOrder.UNSPECIFIED]: "ordered",
  [FunnelOrder.ORDERED]: "ordered",
  [FunnelOrder.STRICT]: "strict",
  [FunnelOrder.ANY_ORDER]: "any_order",
};

export function funnelMethods({ store, visibility }: Pick<QueryOptions, "store" | "visibility">): Methods {
  return {
    async getFunnelAnalysis(request, call) {
      const steps = request.steps.map((step, i) => matchOf(step, `steps[${i}]`));
      const exclusions = request.exclusions.map(({ event, fromStep, toStep }, i) => ({
        event: matchOf(event!, `exclusions[${i}].event`),
        ...(fromStep === 0 ? {} : { from: fromStep }),
        ...(toStep === 0 ? {} : { to: toStep }),
      }));
      const selection = await select(request, call, visibility);
      const answer = await store.trace(
        {
          kind: "funnel",
          selection,
          steps,
          exclusions,
          windowUs: request.window ? durationUs(request.window) : defaultWindowUs,
          order: orders[request.order],
          entry: request.entry === FunnelEntry.FIRST ? "first" : "every",
          ...(request.breakdown === "" ? {} : { breakdown: parseDimension(request.breakdown, "breakdown") }),
          groupLimit: limitOf(request.limit),
        },
        call,
      );
      return {
        steps: stepsOf(answer.steps),
        groups: answer.groups.map((group) => ({ dimensionValue: group.value, steps: stepsOf(group.steps) })),
        ...(answer.other ? { other: { steps: stepsOf(answer.other) } } : {}),
      };
    },
  };
}

function stepsOf(steps: readonly FunnelStep[]): MessageInitShape<typeof FunnelStepSchema>[] {
  const users = steps.map((step) => step.users);
  const ratio = (of: number, to: number) => (to === 0 ? 0 : of / to);
  return steps.map(({ fromStart, fromPrevious }, i) => ({
    step: i + 1,
    users: BigInt(users[i]!),
    conversionFromFirst: ratio(users[i]!, users[0]!),
    conversionFromPrevious: ratio(users[i]!, users[i - 1] ?? users[0]!),
    ...(fromStart ? { timeFromStart: timesOf(fromStart) } : {}),
    ...(fromPrevious ? { timeFromPrevious: timesOf(fromPrevious) } : {}),
  }));
}

function timesOf({ averageUs, medianUs, p90Us }: Durations): MessageInitShape<typeof FunnelTimesSchema> {
  return { averageSeconds: averageUs / 1e6, medianSeconds: medianUs / 1e6, p90Seconds: p90Us / 1e6 };
}
