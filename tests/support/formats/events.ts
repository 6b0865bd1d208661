/** What the writers of older formats write: events of the project `default`, each where it stands on a log of 8 partitions. */
export interface OldEvent {
  readonly partition: number;
  readonly offset: number;
  readonly id: string;
  readonly userId: string;
  readonly sessionId: string;
  readonly name: string;
  readonly source: string;
  /** Microseconds since 1970. */
  readonly timestampUs: number;
  readonly properties: Readonly<Record<string, string>>;
  readonly measures: Readonly<Record<string, number>>;
}

export const oldPartitions = 8;
export const oldLogId = "bc6865db46934ed98288faf0bd724be3";
export const oldSecrets = {
  ids: Buffer.from("0343428cee2d5847fb52fb4f58672646cbb5678dc7330ed3bddedf74a99e5554", "hex"),
  token: Buffer.from("9be644d9054e148da214adbbd3646c783adf102f1b285701dd53da9af8523050", "hex"),
};

const plain = { sessionId: "", source: "", properties: {}, measures: {} };

/** Partitions are those of the users, as Kafka's partitioner has them. */
export const oldEvents: readonly OldEvent[] = [
  {
    ...plain,
    partition: 2,
    offset: 0,
    id: "view-1",
    userId: "ann",
    sessionId: "s-1",
    name: "page_view",
    source: "web",
    timestampUs: 1_677_664_800_000_000,
    properties: { plan: "pro", "it's": "x" },
    measures: { seconds: 12.5 },
  },
  {
    ...plain,
    partition: 2,
    offset: 1,
    id: "0189d5a4-1c2b-4d3e-8f90-a1b2c3d4e5f6",
    userId: "ann",
    name: "purchase",
    timestampUs: 1_677_751_200_000_000,
    properties: { plan: "" },
    measures: { amount: 19.5 },
  },
  {
    ...plain,
    partition: 6,
    offset: 0,
    id: "view-1",
    userId: "bob",
    name: "page_view",
    timestampUs: 1_677_837_600_000_000,
  },
  {
    ...plain,
    partition: 4,
    offset: 0,
    id: "sign-1",
    userId: "zoë",
    name: "signup",
    timestampUs: 1_677_924_000_000_000,
    properties: { trial: "true" },
    measures: { seats: 3 },
  },
];

/** What the store of these writers has applied already: all of it but the last event. */
export const oldApplied = oldEvents.slice(0, 3);

/** A record that could not be applied, behind ann's events. */
export const oldDeadLetter = {
  partition: 2,
  offset: 2,
  project: "default",
  reason: "INVALID_EVENT",
  message: "measures: must be finite",
} as const;

/** Where each partition ends, of the events and the dead letter. */
export function oldEnds(events: readonly OldEvent[], { deadLetter }: { deadLetter: boolean }): number[] {
  const ends = Array<number>(oldPartitions).fill(0);
  const places = deadLetter ? [...events, oldDeadLetter] : events;
  for (const { partition, offset } of places) ends[partition] = Math.max(ends[partition]!, offset + 1);
  return ends;
}
