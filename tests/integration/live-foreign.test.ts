/** Live streams of a log that others can write to: what they show is what the store will have. */
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { partitionOf } from "../../src/domain/partition.ts";
import { encodeReplayField } from "../../src/domain/record/dead-letter.ts";
import type { TailUpdate, WindowUpdate } from "../../src/live/live.ts";
import { logRecord } from "../support/level-log.ts";
import {
  idsOf,
  type LiveFixture,
  liveFixture,
  liveStartMs,
  type Reader,
  readerOf,
  topOf,
} from "../support/live.ts";
import { type EventInit, recordOf } from "../support/store.ts";

let fixture: LiveFixture;
let window: Reader<WindowUpdate>;
let tail: Reader<TailUpdate>;

async function start(foreign: boolean): Promise<void> {
  fixture = await liveFixture({ hub: { foreign } });
  const { hub } = fixture;
  const question = { project: "p", windowMs: 60_000, intervalMs: 1, limit: 10 };
  window = readerOf<WindowUpdate>((options) => hub.windows(question, options));
  tail = readerOf<TailUpdate>((options) => hub.tail({ project: "p" }, options));
  await window.next();
  await tail.next();
}
afterEach(async () => {
  await window.end();
  await tail.end();
  await fixture.close();
});

const bytes = (event: EventInit, receivedUs = liveStartMs * 1000) =>
  recordOf({ receivedUs, event: { userId: "ann", ...event } });

let written = 0;
/** Puts bytes on a user's partition, whatever they are, as another program can. */
async function write(value: Uint8Array, userId = "ann"): Promise<void> {
  await fixture.log.append([{ ...logRecord(`raw ${written++}`, { userId }), value: [value] }]);
}

/** What both streams have shown once they have seen an event more, the last one. */
async function shown(): Promise<{ names: Record<string, number>; ids: string[] }> {
  await write(bytes({ id: "last", name: "last" }));
  await tail.until((all) => idsOf(all).includes("last"));
  await window.until((all) => topOf(all).last === 1);
  const { last: _, ...names } = topOf(window.all);
  return { names, ids: idsOf(tail.all).filter((id) => id !== "last") };
}

/** A user of another partition than ann's. */
function elsewhere(): string {
  const users = Array.from({ length: 50 }, (_, i) => `u${i}`);
  const own = partitionOf("ann", fixture.log.partitions);
  return users.find((userId) => partitionOf(userId, fixture.log.partitions) !== own)!;
}

describe("a live stream of a log that others can write to", () => {
  beforeEach(() => start(true));

  it("shows no record of which the consumer makes a dead letter", async () => {
    await write(Uint8Array.of(0xff, 0xff));
    await write(bytes({ id: "infinite", measures: { a: Number.POSITIVE_INFINITY } }));
    await write(bytes({ id: "control\u0001" }));
    await write(bytes({ id: "long", name: "n".repeat(129) }));
    await write(bytes({ id: "elsewhere" }), elsewhere());
    expect(await shown()).toEqual({ names: {}, ids: [] });
    expect(fixture.hub.stats()).toMatchObject({ undecodable: 1, refused: 4 });
  });

  it("counts a copy once, whichever bytes it has, also when the window is filled from the log", async () => {
    await write(bytes({ id: "1", name: "first" }));
    await write(bytes({ id: "1", name: "copy" }));
    await write(bytes({ id: "1", name: "of another", userId: "bob" }), "bob");
    expect((await shown()).names).toEqual({ first: 1, "of another": 1 });
    const again = readerOf<WindowUpdate>((options) =>
      fixture
        .another({ foreign: true })
        .windows({ project: "p", windowMs: 60_000, intervalMs: 1, limit: 10 }, options),
    );
    expect((await again.next()).figures).toMatchObject({ events: 3, duplicatesPossible: false });
    await again.end();
  });

  it("takes nothing for a copy of what was refused, nor of what stands elsewhere", async () => {
    await write(bytes({ id: "1", measures: { a: Number.NaN } }));
    await write(bytes({ id: "1", name: "mended" }));
    await write(bytes({ id: "2", name: "elsewhere" }), elsewhere());
    await write(bytes({ id: "2", name: "own" }));
    expect((await shown()).names).toEqual({ mended: 1, own: 1 });
  });

  it("counts the replay of a dead letter once", async () => {
    const replay = (event: EventInit, letter: string) =>
      Buffer.concat([bytes(event), encodeReplayField(letter)]);
    await write(bytes({ id: "1", name: "n".repeat(129) }));
    const own = partitionOf("ann", fixture.log.partitions);
    await write(replay({ id: "1", name: "replay" }, `${own}-7`));
    await write(replay({ id: "1", name: "replay" }, `${own}-7`));
    await write(replay({ id: "1", name: "n".repeat(129) }, `${own}-8`));
    // Of a letter that was on another partition, while its event has come here by itself.
    await write(bytes({ id: "2", name: "own" }));
    await write(replay({ id: "2", name: "of elsewhere" }, `${own + 1}-9`));
    // Of one whose event has been mended since.
    await write(bytes({ id: "3", name: "n".repeat(129) }));
    await write(bytes({ id: "3", name: "mended" }));
    await write(replay({ id: "3", name: "replay" }, `${own}-10`));
    expect((await shown()).names).toEqual({ replay: 1, own: 1, mended: 1 });
  });

  it("forgets what came with a time of the future like all else", async () => {
    const { clock } = fixture;
    await write(bytes({ id: "1", name: "early" }, (liveStartMs + 9e9) * 1000));
    await window.until((all) => topOf(all).early === 1);
    clock.ms += 3_600_000;
    await write(bytes({ id: "1", name: "an hour later" }, clock.ms * 1000));
    await window.until((all) => topOf(all)["an hour later"] === 1);
  });
});

describe("a live stream of a log that nobody else writes to", () => {
  beforeEach(() => start(false));

  it("shows no replay of a dead letter that stays one", async () => {
    const measures = { a: Number.POSITIVE_INFINITY };
    await write(Buffer.concat([bytes({ id: "1", measures }), encodeReplayField("0-1")]));
    expect(await shown()).toEqual({ names: {}, ids: [] });
  });
});
