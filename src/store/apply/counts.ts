import type { DeadLetter } from "../../domain/record/dead-letter.ts";
import { isSampledTrace } from "../../domain/trace.ts";
import type { ApplyResult } from "../store.ts";
import type { DeadLetterRow, EventRow } from "./rows.ts";

export function countApplied(
  events: readonly EventRow[],
  deadLetters: readonly DeadLetterRow[],
  duplicates: readonly Pick<EventRow, "project">[],
): ApplyResult {
  const byProject = new Map<string, { applied: number; deadLetters: number; duplicates: number }>();
  const of = (project: string) => {
    const counts = byProject.get(project) ?? { applied: 0, deadLetters: 0, duplicates: 0 };
    byProject.set(project, counts);
    return counts;
  };
  let oldestReceivedUs = Number.POSITIVE_INFINITY;
  for (const { project, flat } of events) {
    of(project).applied++;
    oldestReceivedUs = Math.min(oldestReceivedUs, flat.receivedUs);
  }
  for (const { project } of duplicates) of(project).duplicates++;
  const reasons = new Map<string, { project: string; reason: string; count: number }>();
  for (const { project, reason } of deadLetters) {
    of(project).deadLetters++;
    const key = `${reason} ${project}`;
    const entry = reasons.get(key) ?? { project, reason, count: 0 };
    entry.count++;
    reasons.set(key, entry);
  }
  return {
    applied: events.length,
    deadLetters: deadLetters.length,
    duplicates: duplicates.length,
    byProject,
    setAside: deadLetters.map(letterOf),
    deadLetterReasons: [...reasons.values()],
    traces: tracesOf(events, deadLetters),
    ...(events.length === 0 ? {} : { oldestReceivedMs: oldestReceivedUs / 1000 }),
  };
}

/** Most calls that a batch is told to have come from. */
const maxTraces = 64;

function tracesOf(...parts: readonly (readonly Pick<EventRow, "trace">[])[]): string[] {
  const traces = new Set<string>();
  for (const rows of parts) {
    for (const { trace } of rows) {
      if (trace === undefined || traces.size === maxTraces) continue;
      if (isSampledTrace(trace)) traces.add(trace);
    }
  }
  return [...traces];
}

/** With bytes of its own, since a view keeps, and brings along between threads, all of its block. */
function letterOf({ partition, offset, project, reason, message, record }: DeadLetterRow): DeadLetter {
  return { partition, offset, project, reason, message, record: Uint8Array.from(record) };
}
