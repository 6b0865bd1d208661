import { PassThrough } from "node:stream";
import { describe, expect, it } from "vitest";
import { createProgress } from "../../src/cli/send/progress.ts";
import { createTally, reject, tallyText } from "../../src/cli/send/tally.ts";

const clearLine = "\r\x1b[K";

function terminal(isTTY: boolean) {
  const stderr = Object.assign(new PassThrough(), { isTTY, columns: 60 });
  return { stderr, text: () => String(stderr.read() ?? "").replaceAll(clearLine, "") };
}

describe("the progress of a sending", () => {
  it("is a bar on a terminal", () => {
    const { stderr, text } = terminal(true);
    createProgress(stderr, 1_000).show(500, 12_345);
    expect(text()).toMatch(/^\[#{12}\.{12}\] 50% 12,345 events, [\d,]+\/s$/);
  });

  it("is a count where the length is not known", () => {
    const { stderr, text } = terminal(true);
    createProgress(stderr, undefined).show(500, 7);
    expect(text()).toMatch(/^7 events, [\d,]+\/s$/);
  });

  it("is silent elsewhere", () => {
    const { stderr, text } = terminal(false);
    const progress = createProgress(stderr, 1_000);
    progress.show(500, 7);
    progress.clear();
    expect(text()).toBe("");
  });
});

describe("the summary", () => {
  it("names the rejected lines of the lowest numbers, then counts by reason", () => {
    const tally = createTally();
    tally.read = 80_406;
    tally.accepted = 80_389;
    for (let line = 17; line >= 1; line--)
      reject(tally, line, line > 5 ? "INVALID_EVENT" : "MALFORMED_LINE", "no");
    expect(tallyText(tally, 2).split("\n")).toEqual([
      "  read        80,406 lines in 2.0 s (40,203 lines/s)",
      "  accepted    80,389",
      "  duplicates  0",
      "  rejected    17",
      ...Array.from(
        { length: 10 },
        (_, i) => `  line ${i + 1}: no (${i < 5 ? "MALFORMED_LINE" : "INVALID_EVENT"})`,
      ),
      "  and more; by reason: INVALID_EVENT 12, MALFORMED_LINE 5",
      "",
    ]);
  });

  it("accounts for every line that was read", () => {
    const tally = createTally();
    Object.assign(tally, { read: 1_100, accepted: 500, duplicates: 200, queued: 30, quarantined: 20 });
    reject(tally, 7, "INVALID_EVENT", "no");
    expect(tallyText(tally, 1).split("\n").slice(0, 7)).toEqual([
      "  read         1,100 lines in 1.0 s (751 lines/s)",
      "  accepted     500",
      "  duplicates   200",
      "  queued       30",
      "  quarantined  20",
      "  rejected     1",
      "  unanswered   349",
    ]);
  });
});
