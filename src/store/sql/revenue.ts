/**
 * Revenue: transaction.amount of purchases and subscriptions, less that of refunds, those completed or without a
 * status, by currency.
 */
import type { Selection } from "../questions.ts";
import type { SqlEngine } from "./engine.ts";
import { type Fragment, int64, sql } from "./fragment.ts";
import { fromSelected } from "./selection.ts";

/** Currencies of one answer; there are some 180 that exist. */
const maxCurrencies = 1000;

/** Number of purchases and subscriptions that count, as an aggregate over events. */
export function transactionsOf(engine: SqlEngine): Fragment {
  const type = propertyText(engine, "transaction.type");
  return sql`count(CASE WHEN ${type} IN ('purchase', 'subscription') AND ${counts(engine)} THEN 1 END)`;
}

/** A query of columns currency and amount. */
export function revenueOf(engine: SqlEngine, selection: Selection, further: readonly Fragment[]): Fragment {
  const type = propertyText(engine, "transaction.type");
  const amount = engine.measure("transaction.amount");
  const currency = propertyText(engine, "transaction.currency");
  const moves = [
    ...further,
    sql`${type} IN ('purchase', 'subscription', 'refund')`,
    counts(engine),
    sql`${amount} IS NOT NULL`,
  ];
  return sql`
    SELECT ${currency} AS currency, ${engine.sum(sql`CASE WHEN ${type} = 'refund' THEN -${amount} ELSE ${amount} END`)}
    ${fromSelected(engine, selection, moves)}
    GROUP BY currency ORDER BY currency LIMIT ${int64(maxCurrencies)}`;
}

function counts(engine: SqlEngine): Fragment {
  return sql`${propertyText(engine, "transaction.status")} IN ('', 'completed')`;
}

function propertyText(engine: SqlEngine, key: string): Fragment {
  return sql`COALESCE(${engine.property(key)}, '')`;
}
