/** Event names, the most frequent first; beyond them come event_13 and so on. */
const names = [
  "page_view",
  "search",
  "view_item",
  "login",
  "add_to_cart",
  "signup",
  "begin_checkout",
  "purchase",
  "share",
  "subscribe",
  "logout",
  "refund",
];

/** Properties with their values, those of a user first; beyond them come property_9 and so on. */
const properties: readonly (readonly [string, readonly string[]])[] = [
  ["plan", ["free", "pro", "team", "enterprise"]],
  ["country", ["US", "DE", "FR", "GB", "JP", "BR", "IN", "CA", "NG", "AU"]],
  ["device", ["desktop", "mobile", "tablet"]],
  ["browser", ["chrome", "safari", "firefox", "edge"]],
  ["page", ["/", "/pricing", "/docs", "/blog", "/cart", "/checkout", "/account", "/search"]],
  ["campaign", ["none", "spring", "launch", "newsletter", "retarget"]],
  ["referrer", ["direct", "search", "social", "mail"]],
  ["version", ["1.0.0", "1.1.0", "1.2.0", "2.0.0"]],
];

/** How many of the properties belong to the user, the same in all of their events. */
export const userProperties = 4;

export function eventName(index: number): string {
  return names[index] ?? `event_${index + 1}`;
}

export interface Property {
  readonly key: string;
  readonly values: readonly string[];
}

export function property(index: number): Property {
  const known = properties[index];
  if (known !== undefined) return { key: known[0], values: known[1] };
  return { key: `property_${index + 1}`, values: Array.from({ length: 20 }, (_, i) => `value_${i + 1}`) };
}

/** The movement of money that an event of this name is, if any. */
export function transactionType(name: string): string | undefined {
  return { purchase: "PURCHASE", subscribe: "SUBSCRIPTION", refund: "REFUND" }[name];
}
