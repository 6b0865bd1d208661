import { seededRandom } from "./random.ts";
import { eventName, property, transactionType, userProperties } from "./vocabulary.ts";

export interface DataOptions {
  readonly events: number;
  readonly users: number;
  readonly names: number;
  readonly properties: number;
  readonly days: number;
  readonly seed: number;
  readonly format: "event" | "flat";
  /** First instant of the data, in ms since 1970. */
  readonly startMs: number;
}

const sessionGapMs = 30 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;
const currencies = ["EUR", "USD"];

/**
 * Makes lines of events in the order of their time, evenly spread over the days, the same for the same options. Some
 * users and names are much more frequent than others; a user's session ends with a gap of 30 minutes, and their plan,
 * country, device and browser stay. Lines are put together as text, without an object for each: nothing in them needs
 * escaping.
 */
export function* generateLines(options: DataOptions): Generator<string> {
  const { events, users, names, days, seed, format, startMs } = options;
  const random = seededRandom(seed);
  const pick = <T>(list: readonly T[]): T => list[Math.floor(random() * list.length)]!;
  // The square makes the first ones frequent: half of all picks fall on the first quarter.
  const skewed = (count: number) => Math.floor(random() ** 2 * count);
  const allProperties = Array.from({ length: options.properties }, (_, i) => property(i));
  const lastSeen = new Float64Array(users).fill(Number.NEGATIVE_INFINITY);
  const sessions = new Uint32Array(users);
  const idPrefix = `gen-${seed}-`;

  for (let i = 0; i < events; i++) {
    const timeMs = startMs + Math.floor(((i + random()) * days * dayMs) / events);
    const user = skewed(users);
    if (timeMs - lastSeen[user]! > sessionGapMs) sessions[user]!++;
    lastSeen[user] = timeMs;
    const name = eventName(skewed(names));
    const transaction = transactionType(name);
    const amount = transaction === undefined ? "" : (1 + random() * 199).toFixed(2);
    const currency = transaction === undefined ? "" : pick(currencies);
    const durationMs = Math.floor(random() ** 3 * 60_000);
    let properties = "";
    for (let p = 0; p < allProperties.length; p++) {
      const { key, values } = allProperties[p]!;
      const value = p < userProperties ? values[(user * 7 + p) % values.length]! : pick(values);
      properties += `${p === 0 ? "" : ","}"${key}":"${value}"`;
    }
    const userId = `user-${user + 1}`;
    const who = `"id":"${idPrefix}${i + 1}","user_id":"${userId}","session_id":"${userId}-s${sessions[user]}"`;
    if (format === "flat") {
      const comma = properties === "" ? "" : ",";
      const money = transaction === undefined ? "" : `,"amount":${Number(amount)},"currency":"${currency}"`;
      yield `{${who},"event_type":"${name}","timestamp":${timeMs / 1000},"source":"generated",` +
        `"properties":{${properties}${comma}"duration_ms":${durationMs}${money}}}\n`;
    } else {
      const type = transaction === undefined ? "EVENT_TYPE_USER" : "EVENT_TYPE_TRANSACTION";
      const payload =
        transaction === undefined
          ? ""
          : `,"transaction_event":{"type":"TRANSACTION_TYPE_${transaction}","amount":${Number(amount)},` +
            `"currency":"${currency}","status":"TRANSACTION_STATUS_COMPLETED"}`;
      yield `{${who},"event_type":"${type}","name":"${name}","timestamp":"${new Date(timeMs).toISOString()}",` +
        `"source":"generated","properties":{${properties}},"measures":{"duration_ms":${durationMs}}${payload}}\n`;
    }
  }
}
