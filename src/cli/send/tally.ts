import { columns } from "../command.ts";

export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
  readonly message: string;
}

/** What became of the lines so far. */
export interface Tally {
  /** Events that the server has answered for. */
  sent: number;
  accepted: number;
  duplicates: number;
  quarantined: number;
  rejected: number;
  /** Of the rejected lines those of the lowest numbers. */
  readonly firstRejected: RejectedLine[];
  /** How many lines were rejected for each reason. */
  readonly rejectedByReason: Record<string, number>;
}

/** Rejected lines that are told one by one. */
const toldOneByOne = 10;

export function createTally(): Tally {
  return {
    sent: 0,
    accepted: 0,
    duplicates: 0,
    quarantined: 0,
    rejected: 0,
    firstRejected: [],
    rejectedByReason: {},
  };
}

export function reject(tally: Tally, line: number, reason: string, message: string): void {
  tally.rejected++;
  tally.rejectedByReason[reason] = (tally.rejectedByReason[reason] ?? 0) + 1;
  tally.firstRejected.push({ line, reason, message });
  tally.firstRejected.sort((a, b) => a.line - b.line);
  tally.firstRejected.length = Math.min(tally.firstRejected.length, toldOneByOne);
}

/** The tally for people, some lines. */
export function tallyText(tally: Tally, seconds: number): string {
  const rate = seconds > 0 ? Math.round(tally.sent / seconds) : 0;
  const lines = [
    columns([
      ["sent", `${grouped(tally.sent)} events in ${seconds.toFixed(1)} s (${grouped(rate)} events/s)`],
      ["accepted", grouped(tally.accepted)],
      ["duplicates", grouped(tally.duplicates)],
      ...(tally.quarantined > 0 ? [["quarantined", grouped(tally.quarantined)] as const] : []),
      ["rejected", grouped(tally.rejected)],
    ]),
    ...tally.firstRejected.map(({ line, reason, message }) => `  line ${line}: ${message} (${reason})`),
  ];
  if (tally.rejected > tally.firstRejected.length) {
    const reasons = Object.entries(tally.rejectedByReason).map(
      ([reason, count]) => `${reason} ${grouped(count)}`,
    );
    lines.push(`  and more; by reason: ${reasons.join(", ")}`);
  }
  return `${lines.join("\n")}\n`;
}

export function grouped(count: number): string {
  return count.toLocaleString("en-US");
}
