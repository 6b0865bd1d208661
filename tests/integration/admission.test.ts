import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { EventSchema, EventType } from "../../gen/analytics/v1/event_pb.js";
import { Durability, IngestOptionsSchema } from "../../gen/analytics/v1/ingestion_pb.js";
import { readBlock } from "../../src/domain/record/block.ts";
import { type DecodedRecord, decodeRecord } from "../../src/domain/record/record.ts";
import { senderOf } from "../../src/ingestion/answers.ts";
import { callOf, fixtureNow, type IngestionFixture, ingestionFixture } from "../support/ingestion.ts";

let fixture: IngestionFixture;
beforeEach(async () => {
  fixture = await ingestionFixture();
});
afterEach(() => fixture.remove());

const event = (init: MessageInitShape<typeof EventSchema> = {}) =>
  create(EventSchema, { id: "e1", userId: "u1", name: "n", ...init });
const options = (init: MessageInitShape<typeof IngestOptionsSchema>) => create(IngestOptionsSchema, init);
const sender = senderOf(callOf());

/** Every record on the log. */
async function records(): Promise<DecodedRecord[]> {
  const found: DecodedRecord[] = [];
  for (let partition = 0; partition < fixture.log.partitions; partition++) {
    for (const block of await fixture.log.read(partition, 0, 1e9)) {
      readBlock(block.bytes, (bytes) => found.push(decodeRecord(bytes!)));
    }
  }
  return found;
}

describe("admission", () => {
  test("gives each event of a batch its own verdict", async () => {
    const admitted = await fixture.admission.admit(
      [
        event({ id: "a" }),
        event({ id: "b", userId: "null" }),
        event({ id: "a" }),
        event({ id: "c", source: "x".repeat(129) }),
      ],
      undefined,
      sender,
    );
    expect(admitted.verdicts).toEqual(["accepted", undefined, "duplicate", undefined]);
    expect(admitted.rejections.map(({ index, id, violations }) => [index, id, violations[0]!.field])).toEqual(
      [
        [1, "b", "user_id"],
        [3, "c", "source"],
      ],
    );
    expect(await records()).toHaveLength(1);
  });

  test("keeps the bytes that came in binary, unknown fields included", async () => {
    const bytes = new Uint8Array([...toBinary(EventSchema, event()), 0xfa, 0x3f, 2, 104, 105]);
    await fixture.admission.admit([bytes], undefined, sender);
    const blocks = (await Promise.all([0, 1, 2, 3].map((p) => fixture.log.read(p, 0, 1e9)))).flat();
    expect(Buffer.from(blocks[0]!.bytes).includes(Buffer.from(bytes))).toBe(true);
  });

  test("rejects bytes that are no event without failing their neighbours", async () => {
    const admitted = await fixture.admission.admit([Uint8Array.of(0xff, 0xff), event()], undefined, sender);
    expect(admitted.verdicts).toEqual([undefined, "accepted"]);
    expect(admitted.rejections[0]!.violations[0]).toMatchObject({ ruleId: "parse" });
  });

  test("takes an event of 64 KiB and refuses one byte more", async () => {
    const padded = (bytes: number) => {
      const properties = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`k${i}`, "x".repeat(8000)]));
      // Flattened, an event has a type and a timestamp: with both it is no larger than as sent.
      const whole = { eventType: EventType.CUSTOM, timestamp: timestampFromMs(fixtureNow) };
      const base = toBinary(EventSchema, event({ ...whole, properties })).length;
      return event({ ...whole, properties: { ...properties, last: "x".repeat(bytes - base - 12) } });
    };
    const size = (e: ReturnType<typeof padded>) => toBinary(EventSchema, e).length;
    const largest = padded(64 * 1024);
    const larger = padded(64 * 1024 + 1);
    expect([size(largest), size(larger)]).toEqual([65_536, 65_537]);
    const { verdicts } = await fixture.admission.admit([largest, larger], undefined, sender);
    expect(verdicts).toEqual(["accepted", undefined]);
  });

  test("assigns an id and the received time where the event has none", async () => {
    const admitted = await fixture.admission.admit([event({ id: "" })], undefined, sender);
    expect(admitted.ids).toEqual(["assigned-1"]);
    expect(await records()).toMatchObject([
      { id: "assigned-1", timestampUs: fixtureNow * 1000, requestId: "request-1" },
    ]);
  });

  test("takes a timestamp an hour ahead and refuses one beyond", async () => {
    const at = (ms: number) => event({ id: String(ms), timestamp: timestampFromMs(fixtureNow + ms) });
    const { verdicts } = await fixture.admission.admit([at(3_600_000), at(3_600_001)], undefined, sender);
    expect(verdicts).toEqual(["accepted", undefined]);
  });

  test("shifts the sender's timestamps where its clock is off by more than a minute", async () => {
    const timestamp = timestampFromMs(fixtureNow + 3_000_000);
    const sent = (ms: number) => options({ sentTime: timestampFromMs(fixtureNow + ms) });
    await fixture.admission.admit([event({ id: "near", timestamp })], sent(60_000), sender);
    await fixture.admission.admit([event({ id: "far", timestamp })], sent(3_600_000), sender);
    const byId = Object.fromEntries((await records()).map((r) => [r.id, r]));
    expect(byId.near).toMatchObject({
      timestampUs: (fixtureNow + 3_000_000) * 1000,
      originalTimestampUs: undefined,
    });
    expect(byId.far).toMatchObject({
      timestampUs: (fixtureNow - 600_000) * 1000,
      originalTimestampUs: (fixtureNow + 3_000_000) * 1000,
    });
  });

  test("with validate_only stores nothing and gives no token", async () => {
    const admitted = await fixture.admission.admit(
      [event(), event({ userId: "" })],
      options({ validateOnly: true }),
      sender,
    );
    expect(admitted).toMatchObject({ verdicts: ["accepted", undefined], visibilityToken: "" });
    expect(await records()).toEqual([]);
  });

  test("QUEUED answers without a token, and its copy is a duplicate afterwards", async () => {
    const queued = await fixture.admission.admit(
      [event()],
      options({ durability: Durability.QUEUED }),
      sender,
    );
    expect(queued).toMatchObject({ verdicts: ["queued"], visibilityToken: "" });
    const again = await fixture.admission.admit([event()], undefined, sender);
    expect(again.verdicts).toEqual(["duplicate"]);
  });

  test("APPLIED waits until queries can see the event, also for a duplicate", async () => {
    for (const verdict of ["accepted", "duplicate"]) {
      let answered = false;
      const admitted = fixture.admission
        .admit([event()], options({ durability: Durability.APPLIED }), sender)
        .then((a) => {
          answered = true;
          return a;
        });
      // A durable write of the same partition is answered after the one that waits is on disk.
      await fixture.admission.admit([event({ id: `other-${verdict}` })], undefined, sender);
      if (verdict === "accepted") expect(answered).toBe(false);
      fixture.applyAll();
      expect((await admitted).verdicts).toEqual([verdict]);
    }
  });

  test("APPLIED past its timeout is NOT_YET_VISIBLE, and the event is durable", async () => {
    const hurried = options({ durability: Durability.APPLIED, timeout: { seconds: 0n, nanos: 200_000_000 } });
    const call = senderOf(callOf({ deadline: Number.POSITIVE_INFINITY }));
    // The fixture's clock stands in 2024: its deadlines have passed by the machine's.
    await expect(fixture.admission.admit([event()], hurried, call)).rejects.toMatchObject({
      code: "DEADLINE_EXCEEDED",
    });
    expect((await fixture.admission.admit([event()], undefined, sender)).verdicts).toEqual(["duplicate"]);
  });

  test("the same id of another user or project is another event", async () => {
    await fixture.admission.admit([event()], undefined, sender);
    const { verdicts } = await fixture.admission.admit([event({ userId: "u2" })], undefined, sender);
    expect(verdicts).toEqual(["accepted"]);
    const elsewhere = await fixture.admission.admit([event()], undefined, { ...sender, project: "other" });
    expect(elsewhere.verdicts).toEqual(["accepted"]);
  });

  test("counts what it did", async () => {
    await fixture.admission.admit([event(), event(), event({ id: "x", userId: "none" })], undefined, sender);
    expect(fixture.stats.read()).toMatchObject({ accepted: 1, duplicate: 1, rejected: 1 });
    expect(fixture.stats.read().errors.get("INVALID_EVENT")).toBe(1);
  });
});
