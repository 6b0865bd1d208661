/**
 * A caller who minds no limit: batches of 1,000 events by 8 callers as fast as it goes, with the key in WEIR_API_KEY. A
 * batch that was refused is sent again as it is, so that it is the server that has work with it. Prints a line as it begins,
 * and at the end one of JSON with the calls that were taken and refused.
 *
 *   node tests/bench/loud-client.ts URL SECONDS
 */
import { create, toBinary } from "@bufbuild/protobuf";
import { EventIngestionService } from "../../gen/analytics/v1/ingestion_pb.js";
import { newEvent } from "./events.ts";

const [url, seconds] = process.argv.slice(2) as [string, string];
const { input } = EventIngestionService.method.ingestEvents;
const method = `${url}/analytics.v1.EventIngestionService/IngestEvents`;
const headers = { "content-type": "application/proto", "x-api-key": process.env.WEIR_API_KEY! };
let taken = 0;
let refused = 0;
let number = 0;

function batch(): Buffer {
  const events = Array.from({ length: 1000 }, () => newEvent(number++));
  return Buffer.from(toBinary(input, create(input, { events })));
}

async function caller(until: number): Promise<void> {
  let body = batch();
  while (performance.now() < until) {
    const answer = await fetch(method, { method: "POST", headers, body: new Uint8Array(body) });
    const text = await answer.arrayBuffer();
    if (answer.status === 200) {
      taken++;
      body = batch();
    } else if (answer.status === 429) {
      refused++;
    } else {
      throw new Error(`${answer.status}: ${Buffer.from(text)}`);
    }
    if (taken + refused === 1) console.log("sending");
  }
}

const until = performance.now() + Number(seconds) * 1000;
await Promise.all(Array.from({ length: 8 }, () => caller(until)));
console.log(JSON.stringify({ taken, refused }));
