import { create, type MessageInitShape, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { CreateProjectRequestSchema } from "../../gen/analytics/v1/admin_pb.js";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import { validate } from "../../src/contract/validate.ts";
import { partitionOf } from "../../src/domain/partition.ts";
import { createFlatRecordReader } from "../../src/domain/record/flat-record.ts";
import { encodeEventField, encodeRecordHead } from "../../src/domain/record/record.ts";
import { refusalOf } from "../../src/domain/record/refusal.ts";

type EventInit = MessageInitShape<typeof EventSchema>;

const partitions = 8;
const read = createFlatRecordReader();

function refusal(
  init: EventInit,
  more: { foreign?: boolean; project?: string; receivedUs?: number; partition?: number } = {},
) {
  const { foreign = true, project = "p", receivedUs = 1_000_000 } = more;
  const event = create(EventSchema, { id: "1", userId: "ann", ...init });
  const bytes = toBinary(EventSchema, event);
  const record = read(
    Buffer.concat([encodeRecordHead(project, receivedUs, ""), encodeEventField(bytes.length), bytes]),
  );
  const partition = more.partition ?? partitionOf(event.userId, partitions);
  return refusalOf(record, { partition, partitions, foreign });
}

const longest = (characters: number) => "\u{1F600}".repeat(characters);
const tooLong = (characters: number) => `${longest(characters)}a`;

/** Each breaks a rule of the contract. */
const invalid: [field: string, event: EventInit][] = [
  ["id", { id: "a\0" }],
  ["id", { id: "a\u0085" }],
  ["id", { id: tooLong(128) }],
  ["user_id", { userId: tooLong(256) }],
  ["session_id", { sessionId: tooLong(128) }],
  ["name", { name: tooLong(128) }],
  ["source", { source: tooLong(128) }],
];

it.each(invalid)(
  "refuses a foreign record by the contract's rule of %s, and takes it for checked else",
  (field, event) => {
    const refused = refusal(event);
    expect(refused).toMatchObject({
      reason: "INVALID_EVENT",
      message: expect.stringMatching(`^${field}: must `),
    });
    expect(refusal(event, { foreign: false })).toBeUndefined();
    const { id = "1", userId = "ann" } = event;
    const violations = validate(EventSchema, create(EventSchema, { ...event, id, userId }));
    expect(violations.map((violation) => violation.field)).toEqual([field]);
  },
);

it("refuses a foreign record without id, of no real user, or of a time that cannot be kept", () => {
  expect(refusal({ id: "" })?.message).toBe("id: must not be empty");
  expect(refusal({ userId: " Undefined" })?.message).toMatch(/^user_id: .*names no user/);
  for (const receivedUs of [2 ** 53, 1e24]) {
    expect(refusal({}, { receivedUs })?.message).toContain("received_time: must lie between");
  }
});

it("refuses a foreign record whose project nobody can make, by the contract's rule of its id", () => {
  const names = [
    "a",
    "a-1",
    `a${"0".repeat(62)}`,
    `a${"0".repeat(63)}`,
    "A",
    "1a",
    "-a",
    "a_b",
    "a\0",
    "a\n",
    "ä",
  ];
  for (const project of names) {
    const broken = validate(
      CreateProjectRequestSchema,
      create(CreateProjectRequestSchema, { projectId: project }),
    );
    const message = refusal({}, { project })?.message;
    if (broken.length === 0) expect(message).toBeUndefined();
    else expect(message).toMatch(/^project: must be 1 to 63 /);
    expect(refusal({}, { project, foreign: false })).toBeUndefined();
  }
});

it("takes what is as long as it may be", () => {
  const event = {
    id: longest(128),
    userId: longest(256),
    sessionId: longest(128),
    name: longest(128),
    source: longest(128),
  };
  expect(refusal(event)).toBeUndefined();
});

it("refuses by their limits records of any origin", () => {
  const broken = { measures: { a: Number.NaN } };
  for (const foreign of [true, false]) {
    expect(refusal(broken, { foreign })).toEqual({
      reason: "INVALID_EVENT",
      message: 'measures["a"]: must be finite',
    });
    expect(refusal({ userId: "" }, { foreign })?.message).toBe("user_id: must not be empty");
  }
});

it("refuses a foreign record on another partition than its user's, whatever else is wrong with it", () => {
  const own = partitionOf("ann", partitions);
  for (let partition = 0; partition < partitions; partition++) {
    const refused = refusal({ measures: { a: Number.NaN } }, { partition });
    expect(refused?.reason).toBe(partition === own ? "INVALID_EVENT" : "WRONG_PARTITION");
  }
  const partition = (own + 1) % partitions;
  expect(refusal({}, { partition })?.message).toBe(
    `the events of its user belong on partition ${own}, not ${partition}`,
  );
  expect(refusal({}, { partition, foreign: false })).toBeUndefined();
});
