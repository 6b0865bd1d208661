import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { constants, gunzipSync, gzipSync } from "node:zlib";
import { Code } from "@connectrpc/connect";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { type EventServer, startEventServer, weirError } from "../support/event-server.ts";
import { weir } from "../support/process.ts";

let directory: string;
let server: EventServer;
beforeEach(async () => {
  directory = await mkdtemp(join(tmpdir(), "weir-send-"));
  server = await startEventServer();
});
afterEach(async () => {
  await server.close();
  await rm(directory, { recursive: true });
});

const event = (i: number) => JSON.stringify({ id: `e-${i}`, user_id: `u-${i % 7}`, name: "page_view" });
const flat = (i: number) => JSON.stringify({ id: `f-${i}`, user_id: `u-${i % 7}`, event_type: "page_view" });
const lines = (count: number, line: (i: number) => string) =>
  Array.from({ length: count }, (_, i) => line(i)).join("\n");

async function file(name: string, content: string | Buffer): Promise<string> {
  const path = join(directory, name);
  await writeFile(path, content);
  return path;
}

/** Sends with the summary as JSON. */
async function send(source: string, flags: string[] = [], stdin?: string | Buffer) {
  const result = await weir(
    ["send", source, "--url", server.url, "--json", ...flags],
    stdin === undefined ? {} : { stdin },
  );
  return { ...result, tally: result.stdout === "" ? undefined : JSON.parse(result.stdout) };
}

describe("weir send", () => {
  it("sends a file, and sending it again adds none", async () => {
    const path = await file("events.ndjson", lines(2_500, event));
    expect(await send(path)).toMatchObject({
      code: 0,
      tally: { read: 2_500, accepted: 2_500, duplicates: 0, rejected: 0, unanswered: 0 },
    });
    expect(await send(path)).toMatchObject({
      code: 0,
      tally: { read: 2_500, accepted: 0, duplicates: 2_500 },
    });
    expect(server.events.size).toBe(2_500);
    expect(server.requests).toEqual([1_000, 1_000, 500, 1_000, 1_000, 500]);
  });

  it("unpacks gzip by its magic bytes, from a file or standard input", async () => {
    const packed = gzipSync(lines(30, event));
    expect(await send(await file("no-suffix", packed))).toMatchObject({ tally: { accepted: 30 } });
    expect(await send("-", [], packed)).toMatchObject({ code: 0, tally: { duplicates: 30 } });
    expect(await send("-", [], Buffer.concat([packed, gzipSync(`\n${event(31)}`)]))).toMatchObject({
      tally: { accepted: 1 },
    });
  });

  it("takes flat events and events line by line", async () => {
    const mixed = lines(20, (i) => (i % 2 === 0 ? event(i) : flat(i)));
    expect(await send("-", [], mixed)).toMatchObject({ code: 0, tally: { accepted: 20 } });
    expect([...server.events.values()].map(({ id }) => id[0]).sort()).toEqual([..."eeeeeeeeeeffffffffff"]);
  });

  it("gives a line without an id one that is the same the next time", async () => {
    const anonymous = lines(10, () => '{"user_id":"u","event_type":"click"}');
    expect(await send("-", [], anonymous)).toMatchObject({ tally: { accepted: 10 } });
    expect(await send("-", ["--batch", "3"], anonymous)).toMatchObject({
      tally: { accepted: 0, duplicates: 10 },
    });
  });

  it("has nothing to do with nothing", async () => {
    expect(await send("-", [], "")).toMatchObject({ code: 0, tally: { read: 0 } });
    expect(server.requests).toEqual([]);
  });

  it("keeps requests below the size limit, however long the lines", async () => {
    const long = (i: number) =>
      JSON.stringify({ id: `e-${i}`, user_id: "u", properties: { text: "x".repeat(60_000) } });
    expect(await send("-", [], lines(100, long))).toMatchObject({ code: 0, tally: { accepted: 100 } });
    expect(Math.max(...server.requests)).toBe(34);
  });

  it("prints a summary for people", async () => {
    const bad = "{}\nnot json\n".repeat(7);
    const { code, stdout, stderr } = await weir(["send", "-", "--url", server.url], {
      stdin: `${event(1)}\n${bad}`,
    });
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toMatch(/^ {2}read {8}15 lines in \d+\.\d s \([\d,]+ lines\/s\)$/m);
    expect(stdout).toMatch(/^ {2}accepted {4}8$/m);
    expect(stdout).toMatch(/^ {2}rejected {4}7$/m);
    expect(stdout).toMatch(/^ {2}line 3: the line is not JSON: .*\(MALFORMED_LINE\)$/m);
  });
});

describe("lines that are rejected", () => {
  it("are told with number and reason, the first ten, then by reason", async () => {
    server.onRequest = (events) => ({
      acceptedCount: events.length - 12,
      rejected: Array.from({ length: 12 }, (_, i) => ({
        index: i,
        reason: "INVALID_EVENT",
        violations: [
          { field: `events[${i}].user_id`, ruleId: "string.min_len", message: "must not be empty" },
          { field: `events[${i}]`, ruleId: "event.max_bytes", message: "is too large" },
        ],
      })),
    });
    const input = `{"oops":1}\n${lines(20, event)}\n`;
    const { code, tally } = await send("-", [], input);
    expect(code).toBe(1);
    expect(tally).toMatchObject({
      read: 21,
      accepted: 8,
      rejected: 13,
      unanswered: 0,
      rejectedByReason: { MALFORMED_LINE: 1, INVALID_EVENT: 12 },
    });
    expect(tally.firstRejected).toHaveLength(10);
    expect(tally.firstRejected[0]).toMatchObject({ line: 1, reason: "MALFORMED_LINE" });
    expect(tally.firstRejected[1]).toEqual({
      line: 2,
      reason: "INVALID_EVENT",
      message: "user_id: must not be empty; is too large",
    });
  });

  it("for now are sent again, and only they", async () => {
    server.onRequest = (_events, request) =>
      request === 1
        ? { acceptedCount: 3, rejected: [{ index: 2, reason: "QUEUE_FULL", retryable: true }] }
        : undefined;
    expect(await send("-", [], lines(4, event))).toMatchObject({
      code: 0,
      tally: { read: 4, accepted: 4, rejected: 0 },
    });
    expect([...server.events.values()].map(({ id }) => id)).toEqual(["e-2"]);
  });

  it("in a request that is invalid as a whole count each", async () => {
    server.onRequest = () => {
      throw weirError(Code.InvalidArgument, "INVALID_REQUEST", "no");
    };
    expect(await send("-", [], lines(4, event))).toMatchObject({
      code: 1,
      tally: { read: 4, rejected: 4, rejectedByReason: { INVALID_REQUEST: 4 } },
    });
  });

  it("for the size of their request go in smaller ones", async () => {
    server.onRequest = (events) => {
      if (events.length > 3) throw weirError(Code.ResourceExhausted, "BODY_TOO_LARGE");
      return undefined;
    };
    expect(await send("-", [], lines(10, event))).toMatchObject({ code: 0, tally: { accepted: 10 } });
    expect(server.events.size).toBe(10);
  });
});

describe("when something breaks", () => {
  it("a lost connection is made again and nothing counts twice", async () => {
    server.onRequest = (events, request) => {
      if (request !== 2) return undefined;
      for (const { id, userId } of events) server.events.set(`${userId} ${id}`, { id, userId });
      server.cut();
      return undefined;
    };
    const { code, tally, stderr } = await send("-", ["--concurrency", "1"], lines(3_000, event));
    expect({ code, read: tally.read }).toEqual({ code: 0, read: 3_000 });
    expect(tally.accepted + tally.duplicates).toBe(3_000);
    expect(server.events.size).toBe(3_000);
    expect(stderr).toContain("trying again");
  });

  it("a server that stays away ends it with exit code 3 and what was sent", async () => {
    server.onRequest = (_events, request) => {
      if (request === 3) void server.close();
      return request === 3 ? new Promise<undefined>(() => {}) : undefined;
    };
    const { code, tally, stderr } = await send(
      "-",
      ["--concurrency", "1", "--timeout", "1"],
      lines(5_000, event),
    );
    expect(code).toBe(3);
    expect(tally).toMatchObject({ accepted: 2_000, duplicates: 0, rejected: 0 });
    expect(tally.unanswered).toBe(tally.read - 2_000);
    expect(stderr).toMatch(/send the same input again to go on, nothing is counted twice\n$/);
  });

  it("a rate is kept for as long as the server says, one request at a time, whatever --timeout", async () => {
    let allFour: () => void;
    const together = new Promise<void>((resolve) => {
      allFour = resolve;
    });
    let [underWay, most] = [0, 0];
    server.onRequest = async (_events, request) => {
      if (request <= 4) {
        if (request === 4) allFour();
        await together;
        throw weirError(Code.ResourceExhausted, "RATE_LIMITED", "the key may send 1 events a second", 3_100);
      }
      most = Math.max(most, ++underWay);
      await new Promise(setImmediate);
      underWay--;
      if (request === 6) throw weirError(Code.ResourceExhausted, "RATE_LIMITED", "not yet", 10);
      return undefined;
    };
    const { code, tally, stderr } = await send("-", ["--timeout", "3"], lines(6_000, event));
    expect({ code, tally }).toMatchObject({ code: 0, tally: { accepted: 6_000, unanswered: 0 } });
    expect(most).toBe(1);
    expect(stderr).toMatch(
      /^weir send: .* the key may send 1 events a second; going on as fast as that allows\n$/,
    );
  });

  it("a server that goes away while a rate is waited for ends it once the time has passed", async () => {
    server.onRequest = () => {
      void server.close();
      throw weirError(Code.ResourceExhausted, "RATE_LIMITED", "not yet", 100);
    };
    const { code, tally } = await send("-", ["--timeout", "1"], lines(6_000, event));
    expect({ code, accepted: tally.accepted }).toEqual({ code: 3, accepted: 0 });
  });

  it("a key that is refused ends it with exit code 3", async () => {
    server.onRequest = () => {
      throw weirError(Code.Unauthenticated, "KEY_UNKNOWN", "no such key");
    };
    const { code, stderr } = await send("-", [], event(1));
    expect(code).toBe(3);
    expect(stderr).toContain("give one by --api-key or WEIR_API_KEY (no such key)");
  });

  it.each([3, 3_000, 20_000])(
    "an input of %i lines that is cut short ends it with exit code 1, after all that could be read",
    async (count) => {
      const random = Array.from({ length: count }, (_, i) =>
        JSON.stringify({ id: `e-${((i * 2654435761) % 2 ** 32).toString(36)}`, user_id: "u" }),
      ).join("\n");
      const whole = gzipSync(random);
      const packed = whole.subarray(0, whole.length * 0.7);
      const readable = gunzipSync(packed, { finishFlush: constants.Z_SYNC_FLUSH }).toString();
      const lines = readable.split("\n").length - 1;
      expect(random.startsWith(readable)).toBe(true);
      expect(lines).toBeGreaterThan(0);
      const { code, tally, stderr } = await send(await file("cut.gz", packed));
      expect(code).toBe(1);
      expect(stderr.replaceAll(",", "")).toBe(
        `weir send: cannot read on in line ${lines + 1} after ${packed.length} bytes: unexpected end of file; ` +
          "the lines before it are sent\n",
      );
      expect(tally).toMatchObject({ read: lines, accepted: lines, unanswered: 0 });
      expect(server.events.size).toBe(lines);
    },
  );
});
