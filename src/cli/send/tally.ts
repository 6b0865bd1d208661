import { columns } from "../command.ts";
import { printable } from "../printable.ts";

export interface RejectedLine {
  readonly line: number;
  readonly reason: string;
  readonly message: string;
}

/** What became of the lines so far. */
export interface Tally {
  /** Lines that were read, without those of blanks alone. */
  read: number;
  accepted: number;
  duplicates: number;
  queued: number;
  quarantined: number;
  /** By the server, or because the line is no event. */
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
    read: 0,
    accepted: 0,
    duplicates: 0,
    queued: 0,
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

/** Lines of which it is known what became of them: accepted + duplicates + queued + quarantined + rejected. */
export function settled(tally: Tally): number {
  return tally.accepted + tally.duplicates + tally.queued + tally.quarantined + tally.rejected;
}

/** Lines that were read but not sent, or sent without an answer: only where something else failed. */
export function unanswered(tally: Tally): number {
  return tally.read - settled(tally);
}

/** The tally for people, some lines; the rows below the first add up to it. */
export function tallyText(tally: Tally, seconds: number): string {
  const rate = seconds > 0 ? Math.round(settled(tally) / seconds) : 0;
  const whereAny = (name: string, count: number) => (count > 0 ? [[name, grouped(count)] as const] : []);
  const lines = [
    columns([
      ["read", `${grouped(tally.read)} lines in ${seconds.toFixed(1)} s (${grouped(rate)} lines/s)`],
      ["accepted", grouped(tally.accepted)],
      ["duplicates", grouped(tally.duplicates)],
      ...whereAny("queued", tally.queued),
      ...whereAny("quarantined", tally.quarantined),
      ["rejected", grouped(tally.rejected)],
      ...whereAny("unanswered", unanswered(tally)),
    ]),
    ...tally.firstRejected.map(
      ({ line, reason, message }) => `  line ${line}: ${printable(message)} (${reason})`,
    ),
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
