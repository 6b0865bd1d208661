import type { Event } from "../../gen/analytics/v1/event_pb.js";
import { flatLimits } from "../domain/record/flatten.ts";

const maxText = 128;
const maxUserId = 256;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what it looks for
const control = /[\x00-\x1f\x7f-\x9f]/;

/**
 * Whether an event of the common shape surely keeps the contract's static rules: several times cheaper than to evaluate
 * them one by one. False says nothing; the rules themselves are asked then. A property test holds it against them.
 */
export function surelyValid(event: Event): boolean {
  const { id, userId, sessionId, eventType, name, timestamp, source, payload } = event;
  return (
    payload.case === undefined &&
    // A text has at most as many characters as UTF-16 units.
    id.length <= maxText &&
    !control.test(id) &&
    userId.length >= 1 &&
    userId.length <= maxUserId &&
    sessionId.length <= maxText &&
    name.length <= maxText &&
    source.length <= maxText &&
    eventType >= 0 &&
    eventType <= 4 &&
    (timestamp === undefined || (timestamp.seconds >= 0n && timestamp.nanos >= 0)) &&
    fewProperties(event.properties) &&
    fewMeasures(event.measures)
  );
}

function fewProperties(properties: Event["properties"]): boolean {
  let pairs = 0;
  for (const key in properties) {
    // UTF-8 takes at most 3 bytes for each UTF-16 unit.
    if (++pairs > flatLimits.properties || !isKey(key) || properties[key]!.length * 3 > flatLimits.valueBytes)
      return false;
  }
  return true;
}

function fewMeasures(measures: Event["measures"]): boolean {
  let pairs = 0;
  for (const key in measures) {
    if (++pairs > flatLimits.measures || !isKey(key) || !Number.isFinite(measures[key])) return false;
  }
  return true;
}

function isKey(key: string): boolean {
  return key.length >= 1 && key.length <= flatLimits.keyCharacters;
}
