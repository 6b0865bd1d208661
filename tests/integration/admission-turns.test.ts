import { create, toBinary } from "@bufbuild/protobuf";
import { expect, it } from "vitest";
import { EventSchema } from "../../gen/analytics/v1/event_pb.js";
import type { LogRecord } from "../../src/log/log.ts";
import { ingestionOver } from "../support/ingestion.ts";
import { temporaryLog } from "../support/log.ts";

const sender = {
  project: "default",
  requestId: "",
  deadline: Number.POSITIVE_INFINITY,
  signal: new AbortController().signal,
};

/** In binary, with so many properties that a thousand of them are work for a while. */
function event(name: string, number: number): Uint8Array {
  const properties = Object.fromEntries(
    Array.from({ length: 60 }, (_, i) => [`key-${i}`, `value-${number}`]),
  );
  return toBinary(EventSchema, create(EventSchema, { id: `${name}-${number}`, userId: name, properties }));
}

it("appends a single event before the batches that came first and take long to be checked", async () => {
  const { log, remove } = await temporaryLog();
  const appended: string[] = [];
  const append = (records: readonly LogRecord[]) => {
    appended.push(records[0]!.userId);
    return log.append(records);
  };
  const { admission } = ingestionOver({ ...log, append });
  const batches = ["batch-1", "batch-2", "batch-3"].map((name) =>
    admission.admit(
      Array.from({ length: 1000 }, (_, i) => event(name, i)),
      undefined,
      sender,
    ),
  );
  const single = admission.admit([event("single", 0)], undefined, sender);
  await Promise.all([...batches, single]);
  expect(appended).toHaveLength(4);
  expect(appended[0]).toBe("single");
  for (const { counts } of await Promise.all(batches)) expect(counts.accepted).toBe(1000);
  await remove();
});
