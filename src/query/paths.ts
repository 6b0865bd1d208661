/** Paths: which ways sessions take from or to an event. */

import { PathDirection, PathScope } from "../../gen/analytics/v1/analytics_paths_pb.js";
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { matchOf } from "./match.ts";
import { select } from "./selection.ts";
import type { QueryOptions } from "./service.ts";
import { limitOf, sessionGapUs } from "./terms.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "getPaths">;

const defaultDepth = 5;

export function pathMethods({ store, visibility }: Pick<QueryOptions, "store" | "visibility">): Methods {
  return {
    async getPaths(request, call) {
      const anchor = request.anchor && matchOf(request.anchor, "anchor");
      // An empty anchor is none.
      const anchored = anchor !== undefined && (anchor.name !== "" || anchor.filter !== undefined);
      const { sessions, nodes, links } = await store.trace(
        {
          kind: "paths",
          selection: await select(request, call, visibility),
          ...(anchored ? { anchor } : {}),
          direction: request.direction === PathDirection.BEFORE ? "before" : "after",
          scope: request.scope === PathScope.USER ? "user" : { gapUs: sessionGapUs(request.sessionGap) },
          depth: request.depth || defaultDepth,
          limit: limitOf(request.limit),
          keepRepeats: request.keepRepeats,
        },
        call,
      );
      return {
        sessions: BigInt(sessions),
        nodes: nodes.map(({ level, name, sessions: passing, dropOffs }) => ({
          level,
          name: name ?? "",
          other: name === undefined,
          sessions: BigInt(passing),
          ...(dropOffs === undefined ? {} : { dropOffs: BigInt(dropOffs) }),
        })),
        links: links.map(({ source, target, sessions: taking }) => ({
          source,
          target,
          sessions: BigInt(taking),
        })),
      };
    },
  };
}
