/**
 * Answers once for all who ask the same: while the store's version stays, a question that was answered is not asked
 * again, and equal questions under way share one run. So a question must hold all that its answer depends on besides the
 * stored events; what depends on the present time is worked out of the answer, never in the store.
 */
import { hash } from "node:crypto";
import { pause } from "../domain/pause.ts";
import type { AnswerTo, Question } from "../store/questions.ts";
import type { SequenceAnswer, SequenceQuestion } from "../store/sequences.ts";
import type { AskOptions, EventStore } from "../store/store.ts";
import { type KeptLimits, keepAnswers } from "./answers-kept.ts";
import { type SharedWork, shareWork } from "./shared-work.ts";

/** What a question must have: whose events it is about. The rest of it is plain data. */
interface Asked {
  readonly kind: string;
  readonly selection: { readonly project: string };
}

export interface CacheOptions extends KeptLimits {
  /**
   * Makes the store's version no older than the call, where others write to the store too. While it fails, as it does
   * while they change rows, or takes more than a moment, questions go to the store. Default: the version always is.
   */
  readonly refresh?: () => Promise<void>;
}

/** How long a question waits to hear what others wrote, in milliseconds. */
const refreshMs = 250;

/** A store's answers, which callers share: they must not change them. Everything else is the store's own. */
export function withCache(store: EventStore, options: CacheOptions = {}): EventStore {
  const { refresh } = options;
  const kept = keepAnswers(options);
  /** By key and version. */
  const underWay = new Map<string, SharedWork<unknown>>();
  let keptVersion = store.version;
  let reused = 0;

  async function answer<A>(
    question: Asked,
    asked: AskOptions,
    ask: (options: AskOptions) => Promise<A>,
  ): Promise<A> {
    if (refresh !== undefined && !(await isFresh(refresh()))) return ask(asked);
    return answerAsOfVersion(question, asked, ask);
  }

  function answerAsOfVersion<A>(
    question: Asked,
    asked: AskOptions,
    ask: (options: AskOptions) => Promise<A>,
  ): Promise<A> {
    // Read before the store is asked: an answer may be newer than its version, never older.
    const { version } = store;
    if (version !== keptVersion) kept.clear();
    keptVersion = version;
    const { project } = question.selection;
    const key = hash("sha256", JSON.stringify(question), "base64");
    const known = kept.get(project, key);
    if (known !== undefined) {
      reused++;
      return Promise.resolve(known as A);
    }
    // Too late already: nothing is to be started.
    if (asked.signal.aborted || asked.deadline <= Date.now()) return ask(asked);
    const run = `${version} ${key}`;
    const present = underWay.get(run);
    if (present) reused++;
    const shared = present ?? shareWork(askAndKeep, () => underWay.delete(run));
    if (!present) underWay.set(run, shared);
    return shared.join(asked) as Promise<A>;

    async function askAndKeep(options: AskOptions): Promise<A> {
      // The first to ask is the one whose trace shows the work, and whose share it takes.
      const found = await ask({ ...options, trace: asked.trace, principal: asked.principal });
      if (store.version === version) kept.set(project, key, found);
      return found;
    }
  }

  const cached: Pick<EventStore, "ask" | "trace" | "stats"> = {
    ask: <Q extends Question>(question: Q, options: AskOptions): Promise<AnswerTo<Q>> =>
      answer(question, options, (own) => store.ask(question, own)),
    trace: <Q extends SequenceQuestion>(question: Q, options: AskOptions): Promise<SequenceAnswer<Q>> =>
      answer(question, options, (own) => store.trace(question, own)),
    stats: () => ({
      ...store.stats(),
      answersKept: kept.entries,
      answersKeptBytes: kept.bytes,
      answersReused: reused,
    }),
  };
  // The store's state is read through, not copied.
  return Object.assign(Object.create(store) as EventStore, cached);
}

/** Whether the look at what others wrote went well, and soon enough. */
async function isFresh(look: Promise<void>): Promise<boolean> {
  const looked = new AbortController();
  const late = pause(refreshMs, looked.signal).then(() => false);
  try {
    return await Promise.race([
      look.then(
        () => true,
        () => false,
      ),
      late,
    ]);
  } finally {
    looked.abort();
  }
}
