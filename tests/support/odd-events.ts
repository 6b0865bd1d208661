import type { MessageInitShape } from "@bufbuild/protobuf";
import fc from "fast-check";
import { type EventSchema, EventType, TransactionType } from "../../gen/analytics/v1/event_pb.js";
import { timestamp } from "./store.ts";

type EventInit = MessageInitShape<typeof EventSchema>;

const texts = [
  'q"uo,te',
  "new\nline\r\n",
  "tab\t\u0000nul\u001f\u007f",
  "\u2028é漢\u{1F600}",
  "\\",
  " a ",
  "'",
  "{}",
  "-0",
];
const text = fc.oneof(fc.constantFrom(...texts), fc.string({ unit: "binary", maxLength: 12 }));
const key = fc.oneof(
  fc.constantFrom("plan", "country", ...texts),
  fc.string({ unit: "binary", minLength: 1, maxLength: 8 }),
);
const printable = text.map((value) => value.replace(/\p{Cc}/gu, "_"));
const number = fc.oneof(
  fc.constantFrom(0, -0, 1e300, -1e-300, 5e-324, Number.MAX_VALUE, 2 ** 53 + 2, 0.1, 218),
  fc.double({ noNaN: true, noDefaultInfinity: true }),
);
/** Instants that come again and again, a microsecond apart, and any. */
const instant = fc.oneof(
  fc.integer({ min: 0, max: 20 }).map((us) => 1_700_000_000_000_000 + us),
  fc.integer({ min: 0, max: 1_750_000_000_000_000 }),
);

const payload = fc.oneof(
  { weight: 4, arbitrary: fc.constant({ case: undefined }) },
  {
    weight: 1,
    arbitrary: fc.record({ case: fc.constant("customEvent" as const), value: fc.record({ name: text }) }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      case: fc.constant("transactionEvent" as const),
      value: fc.record({
        type: fc.constantFrom(TransactionType.PURCHASE, TransactionType.REFUND),
        amount: fc.integer({ min: 0, max: 400 }).map((quarters) => quarters / 4),
        currency: fc.constantFrom("EUR", "usd"),
      }),
    }),
  },
);

/** Valid events of few users, odd in every other way; the same ones each time. */
export function oddEvents(count: number): EventInit[] {
  const event = fc.record({
    userId: fc.tuple(fc.constantFrom("a", "b", "\u{10000}"), text).map(([start, rest]) => start + rest),
    id: printable,
    sessionId: fc.constantFrom("", "s", 's",\n'),
    name: text,
    source: text,
    eventType: fc.constantFrom(EventType.UNSPECIFIED, EventType.USER, EventType.SYSTEM),
    timestampUs: instant,
    properties: fc.dictionary(key, text, { maxKeys: 6 }),
    measures: fc.dictionary(key, number, { maxKeys: 4 }),
    payload,
  });
  return fc.sample(event, { numRuns: count, seed: 4 }).map(({ timestampUs, payload, ...rest }, i) => ({
    ...rest,
    id: `${i}${rest.id}`,
    timestamp: timestamp(timestampUs),
    // A payload has a type of its own.
    ...(payload.case === undefined ? {} : { payload, eventType: EventType.UNSPECIFIED }),
  }));
}
