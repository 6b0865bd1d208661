import type { Selection } from "../store/questions.ts";
import type { AskOptions, EventStore } from "../store/store.ts";

export type ClosedSelection = Selection & { readonly startUs: number; readonly endUs: number };

/** The selection with both ends: an open range reaches from the first to the last event; without events it is empty. */
export async function closedRange(
  store: EventStore,
  selection: Selection,
  options: AskOptions,
): Promise<ClosedSelection> {
  const { startUs, endUs } = selection;
  if (startUs !== undefined && endUs !== undefined) return { ...selection, startUs, endUs };
  const { firstEventUs, lastEventUs } = await store.ask({ kind: "bounds", selection }, options);
  if (firstEventUs === undefined || lastEventUs === undefined) return { ...selection, startUs: 0, endUs: 0 };
  return { ...selection, startUs: startUs ?? firstEventUs, endUs: endUs ?? lastEventUs + 1 };
}
