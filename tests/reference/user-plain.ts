/** One user's sessions and money, by plain loops. */
import type { StoredEvent, UserAnswer, UserQuestion } from "../../src/store/questions.ts";
import { byBytes } from "./events.ts";
import { sessionsOf } from "./sessions-plain.ts";

type Sessions = Pick<UserAnswer, "sessions" | "totalSessions" | "sessionLengthUs">;

export function userSessions(
  mine: readonly StoredEvent[],
  { sessionGapUs, sessionLimit }: Pick<UserQuestion, "sessionGapUs" | "sessionLimit">,
): Sessions {
  const sessions = sessionsOf(mine, sessionGapUs).sort(
    ([a], [b]) => b.timestampUs - a.timestampUs || byBytes(b.id, a.id) || b.offset - a.offset,
  );
  const lengths = sessions.map((events) => events.at(-1)!.timestampUs - events[0].timestampUs);
  return {
    sessions: sessions.slice(0, sessionLimit).map((events) => ({
      sessionId: events[0].sessionId,
      startUs: events[0].timestampUs,
      endUs: events.at(-1)!.timestampUs,
      events: events.length,
    })),
    totalSessions: sessions.length,
    sessionLengthUs: lengths.reduce((sum, length) => sum + length, 0),
  };
}

/** Transactions, and revenue by currency in the order of its bytes. */
export function money(mine: readonly StoredEvent[]): Pick<UserAnswer, "transactions" | "revenue"> {
  let transactions = 0;
  const revenue = new Map<string, number>();
  for (const { properties, measures } of mine) {
    const type = properties["transaction.type"] ?? "";
    const status = properties["transaction.status"] ?? "";
    if (status !== "" && status !== "completed") continue;
    const sold = type === "purchase" || type === "subscription";
    if (sold) transactions++;
    const amount = measures["transaction.amount"];
    if (amount === undefined || !(sold || type === "refund")) continue;
    const currency = properties["transaction.currency"] ?? "";
    revenue.set(currency, (revenue.get(currency) ?? 0) + (sold ? amount : -amount));
  }
  const currencies = [...revenue.keys()].sort(byBytes);
  return {
    transactions,
    revenue: currencies.map((currency) => ({ currency, amount: revenue.get(currency)! })),
  };
}
