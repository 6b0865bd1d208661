/** Exports: all events of a selection as a file. */

import { ExportFormat } from "../../gen/analytics/v1/analytics_events_pb.js";
import type { AnalyticsService } from "../../gen/analytics/v1/analytics_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { sharerOf } from "../domain/principal.ts";
import type { Slots } from "../domain/slots.ts";
import type * as exports from "../store/exports.ts";
import type { EventStore } from "../store/store.ts";
import type { Visibility } from "../visibility/visibility.ts";
import { withHeartbeats } from "./heartbeats.ts";
import { select } from "./selection.ts";

type Methods = Pick<ServiceImplementation<typeof AnalyticsService>, "exportEvents">;

export interface ExportOptions {
  readonly store: EventStore;
  readonly visibility: Visibility;
  /** Places for exports. */
  readonly exportSlots: Slots;
  /** Time without a piece after which there is a heartbeat, in milliseconds. Default 15,000. */
  readonly heartbeatMs?: number;
}

interface File {
  readonly format: exports.ExportFormat;
  readonly contentType: string;
  readonly fileName: string;
}

const ndjson: File = { format: "ndjson", contentType: "application/x-ndjson", fileName: "events.ndjson" };

const files: Readonly<Record<ExportFormat, File>> = {
  [ExportFormat.UNSPECIFIED]: ndjson,
  [ExportFormat.NDJSON]: ndjson,
  [ExportFormat.CSV]: { format: "csv", contentType: "text/csv; charset=utf-8", fileName: "events.csv" },
  [ExportFormat.PARQUET]: {
    format: "parquet",
    contentType: "application/vnd.apache.parquet",
    fileName: "events.parquet",
  },
};

export function exportMethods({
  store,
  visibility,
  exportSlots,
  heartbeatMs = 15_000,
}: ExportOptions): Methods {
  return {
    async *exportEvents(request, call) {
      const { format, ...head } = files[request.format];
      const selection = await select(request, call, visibility);
      const giveBack = exportSlots.take(sharerOf(call.principal));
      // A reader who is gone may never ask for the next piece, on which this would end.
      call.signal.addEventListener("abort", giveBack, { once: true });
      try {
        let first: Partial<typeof head> = head;
        for await (const piece of withHeartbeats(
          store.export({ selection, format }, call),
          heartbeatMs,
          call.signal,
        )) {
          yield piece === "heartbeat" ? first : { ...first, data: piece };
          first = {};
        }
        // An empty file has its type too.
        if (first === head) yield head;
      } finally {
        giveBack();
      }
    },
  };
}
