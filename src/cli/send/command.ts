import { Code, ConnectError } from "@connectrpc/connect";
import { errorReason } from "../../../client/node/index.ts";
import { type Command, type CommandContext, exitCodes, oneOf, UsageError, wholeNumber } from "../command.ts";
import { askOnce, clientOf, connectionFlags, failureText, isRateLimited } from "../connection.ts";
import { printableJson } from "../printable.ts";
import { makeBatches } from "./batches.ts";
import { type Input, openInput } from "./input.ts";
import { BrokenInput, splitLines } from "./lines.ts";
import { formats } from "./parse.ts";
import { createProgress } from "./progress.ts";
import { createRateTurns } from "./rate-turns.ts";
import { sendBatch } from "./sender.ts";
import { createTally, grouped, settled, type Tally, tallyText, unanswered } from "./tally.ts";

/** Longest line that is read. An event has at most 64 KiB of protobuf, which JSON may write in several times as much. */
const maxLineBytes = 1024 * 1024;
const maxBatchBytes = 2 * 1024 * 1024;

export const send: Command = {
  operands: "FILE|-",
  details: [
    "A line is an Event in proto JSON, or a flat event as POST /events takes it. With --format auto it is flat if it has",
    "none of the fields that only Event has (name, measures, user_event …) and its event_type is free text, its timestamp",
    "a number, or one of its properties something other than text.",
    "",
    "A line without an id gets one from a hash of its number and text. So the same file may be sent again at any time:",
    "what the server has already comes back as a duplicate.",
    "",
    "A request that is refused for a rate, of the key or of its project, waits as long as the server says, which --timeout",
    "does not count. From the first such refusal on it is one request at a time.",
    "",
    "Exit code 0: all events are taken; 1: some were rejected or could not be read; 2: usage; 3: the server cannot be",
    "reached or refuses the caller.",
  ].join("\n"),
  flags: {
    ...connectionFlags,
    batch: { type: "string", value: "N", summary: "events in a request, 1 to 1000", default: "1000" },
    concurrency: { type: "string", value: "N", summary: "requests at the same time, 1 to 64", default: "4" },
    format: {
      type: "string",
      value: "FORM",
      summary: `form of the lines: ${formats.join(", ")}`,
      default: "auto",
    },
    timeout: {
      type: "string",
      value: "SECONDS",
      summary: "how long a request is tried while the server does not take it, 1 to 3600",
      default: "60",
    },
    json: { type: "boolean", summary: "print the summary as JSON" },
  },
  async run(values, operands, context) {
    const [path] = operands;
    if (path === undefined || operands.length > 1) {
      throw new UsageError("give one FILE, or - for standard input");
    }
    const maxEvents = wholeNumber(values, "batch", 1, 1_000);
    const concurrency = wholeNumber(values, "concurrency", 1, 64);
    const timeoutMs = wholeNumber(values, "timeout", 1, 3_600) * 1_000;
    const format = oneOf(values, "format", formats);
    const input = await openInput(path, context.stdin);

    const reached = await askOnce(values, context, async (weir) => {
      await weir.ingestion.health({}).catch(unlessAnswered);
      return exitCodes.done;
    });
    if (reached !== exitCodes.done) return reached;

    const progress = createProgress(context.stderr, input.totalBytes);
    const complain = (line: string) => {
      progress.clear();
      context.stderr.write(`weir send: ${line}\n`);
    };
    let away = false;
    const weir = clientOf(values, {
      timeoutMs,
      // The deadline ends the attempts.
      retry: { maxAttempts: Number.MAX_SAFE_INTEGER },
      onRetry({ error }) {
        // The server is there, and says when to come again.
        if (isRateLimited(error)) throw error;
        if (!away)
          complain(
            `${failureText(error, String(values.url))}; trying again for up to ${timeoutMs / 1_000} s`,
          );
        away = true;
      },
    });
    const turns = createRateTurns((error) =>
      complain(`${failureText(error, String(values.url))}; going on as fast as that allows`),
    );
    const tally = createTally();
    const start = performance.now();
    const batches = makeBatches(splitLines(input.chunks, maxLineBytes), {
      format,
      maxEvents,
      maxBytes: maxBatchBytes,
      tally,
    });
    const failure = await inParallel(batches, concurrency, async (batch) => {
      await sendBatch(weir, batch, tally, turns);
      away = false;
      progress.show(input.readBytes(), settled(tally));
    });
    await weir.close();
    progress.clear();
    report(tally, (performance.now() - start) / 1_000, values.json === true, context);
    return failure === undefined ? exitCode(tally) : explain(failure, String(values.url), input, complain);
  },
};

/** An error of the service's own shows that it is there; whether it takes events, the events will show. */
function unlessAnswered(error: unknown): void {
  const { code } = ConnectError.from(error);
  const refusesCaller = code === Code.Unauthenticated || code === Code.PermissionDenied;
  if (errorReason(error) === undefined || refusesCaller) throw error;
}

/**
 * Runs `work` on each item, on at most `limit` at once, and takes no further item from then on.
 *
 * @returns the first failure of the work, else that of the items' source, once everything under way has ended
 */
async function inParallel<T>(items: AsyncIterable<T>, limit: number, work: (item: T) => Promise<void>) {
  const underWay = new Set<Promise<void>>();
  let failure: { error: unknown } | undefined;
  let sourceFailure: { error: unknown } | undefined;
  try {
    for await (const item of items) {
      const run = work(item)
        .catch((error: unknown) => {
          failure ??= { error };
        })
        .finally(() => underWay.delete(run));
      underWay.add(run);
      if (underWay.size >= limit) await Promise.race(underWay);
      if (failure !== undefined) break;
    }
  } catch (error) {
    sourceFailure = { error };
  }
  await Promise.all(underWay);
  return failure ?? sourceFailure;
}

function exitCode(tally: Tally): number {
  return tally.rejected === 0 ? exitCodes.done : exitCodes.notAll;
}

function explain(
  failure: { error: unknown },
  url: string,
  input: Input,
  complain: (line: string) => void,
): number {
  const { error } = failure;
  if (error instanceof ConnectError) {
    complain(`${failureText(error, url)}; send the same input again to go on, nothing is counted twice`);
    return exitCodes.unreachable;
  }
  if (!(error instanceof BrokenInput)) throw error;
  complain(
    `cannot read on in line ${grouped(error.line)}, after ${grouped(input.readBytes())} bytes: ${error.message}; ` +
      "the lines before it are sent",
  );
  return exitCodes.notAll;
}

function report(tally: Tally, seconds: number, asJson: boolean, { stdout }: CommandContext): void {
  stdout.write(
    asJson
      ? `${printableJson({ ...tally, unanswered: unanswered(tally), seconds })}\n`
      : tallyText(tally, seconds),
  );
}
