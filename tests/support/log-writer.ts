/**
 * A process that appends to the embedded log until it is killed: tests/integration/log-crash and log-failure start it.
 *
 *   node log-writer.ts DIRECTORY NAME WRITE_BUFFER_BYTES
 *
 * Several callers append at once, calls of 1 to 40 records whose ids are made of NAME; a refused call is made again until
 * it is taken. On standard output, a line each: `open`, `taken ID PARTITION OFFSET` for each record once the log has
 * answered, `refused CODE REASON`, `reopened`, `read COUNT` as a reader follows the log from the start, `reader ERROR`.
 */
import { writeSync } from "node:fs";
import { setTimeout as delay } from "node:timers/promises";
import { WeirError } from "../../src/domain/errors.ts";
import { openLevelDatabase } from "../../src/log/level/database.ts";
import { createLevelLog } from "../../src/log/level/level.ts";
import type { EventLog, LogRecord } from "../../src/log/log.ts";
import { createLevelState } from "../../src/state/level/level.ts";
import { logRecord } from "./level-log.ts";

const [directory = "", name = "", writeBufferBytes = ""] = process.argv.slice(2);
const callers = 6;
const users = 9;

// At a file size limit the write is to fail, as on a full disk, and not the process.
process.on("SIGXFSZ", () => {});

// At once, so that what was said before a kill is there.
const say = (line: string) => writeSync(1, `${line}\n`);

const database = await openLevelDatabase({
  directory,
  writeBufferBytes: Number(writeBufferBytes),
  maxReopenDelayMs: 100,
  onReopen: () => say("reopened"),
});
const log = await createLevelLog({ database, partitions: 4, maxGroupEvents: 64 });
const state = createLevelState(database);

async function untilTaken(records: readonly LogRecord[]): Promise<void> {
  for (;;) {
    try {
      const { partitions, offsets } = await log.append(records);
      say(records.map(({ id }, i) => `taken ${id} ${partitions[i]} ${offsets[i]}`).join("\n"));
      return;
    } catch (error) {
      if (!(error instanceof WeirError)) throw error;
      say(`refused ${error.code} ${error.reason}`);
      await delay(20);
    }
  }
}

async function caller(number: number): Promise<never> {
  for (let made = 0, call = 0; ; call++) {
    const records = Array.from({ length: 1 + (call % 40) }, () => {
      const id = `${name}-${number}-${made++}`;
      return logRecord(id, { userId: `user-${made % users}`, padding: 150 });
    });
    await untilTaken(records);
    // A record that was taken is a duplicate ever after.
    if (call % 7 === 0) await untilTaken(records.slice(0, 1));
  }
}

/** Small state is written beside the log, and may be refused with it. */
async function keeper(): Promise<never> {
  for (let value = 0; ; value++) {
    await state.put("test/value", Buffer.from(String(value))).catch((error: unknown) => {
      if (!(error instanceof WeirError)) throw error;
    });
    await delay(5);
  }
}

async function reader(log: EventLog): Promise<never> {
  const at = log.starts().slice();
  for (let count = 0; ; ) {
    for (let partition = 0; partition < at.length; partition++) {
      for (const block of await log.read(partition, at[partition]!, 65_536)) {
        if (block.firstOffset !== at[partition]) {
          throw new Error(`block ${partition}/${block.firstOffset} instead of ${at[partition]}`);
        }
        at[partition]! += block.count;
        count += block.count;
      }
    }
    say(`read ${count}`);
    await delay(20);
  }
}

say("open");
reader(log).catch((error: unknown) => say(`reader ${error}`));
await Promise.all([keeper(), ...Array.from({ length: callers }, (_, number) => caller(number))]);
