import type { AnswerTo, Question } from "../questions.ts";
import type { SequenceAnswer, SequenceQuestion } from "../sequences.ts";
import type { Work } from "../slots.ts";
import { planQuestion } from "../sql/question.ts";
import { planSequence } from "../sql/sequences/plan.ts";
import { bind, together } from "./bind.ts";
import type { Connection, QueryOptions } from "./connection.ts";
import { createClickhouseEngine } from "./engine.ts";
import { questionError, unavailable } from "./failures.ts";
import type { Layout } from "./layout.ts";
import { innerTable } from "./native/table.ts";
import { createReach } from "./reach.ts";
import { runSequence } from "./sequences.ts";

/** Answers questions, each by one statement, so that all of an answer is of one state of the data. */
export interface Reader {
  /** Why the server gives no answers; empty where it does. */
  readonly failure: string;
  /** @param deadline milliseconds since 1970 */
  ask<Q extends Question>(question: Q, layout: Layout, deadline: number): Work<AnswerTo<Q>>;
  trace<Q extends SequenceQuestion>(question: Q, layout: Layout, deadline: number): Work<SequenceAnswer<Q>>;
  /** Runs what else asks the server, as questions are run. */
  run<T>(deadline: number, answer: (options: QueryOptions) => Promise<T>): Work<T>;
  /** Ends all questions, and takes no more. */
  close(): void;
}

/** Undefined where it says nothing of the server. */
function failureOf(error: unknown): string | undefined {
  const { code, message } = questionError(error);
  return code === "UNAVAILABLE" ? message : undefined;
}

export function createReader(connection: Connection, now: () => number): Reader {
  const running = new Set<AbortController>();
  const reach = createReach({
    probe: (signal) => connection.table({ query: "SELECT 1", params: {} }, { signal }),
    failureOf,
  });
  let closed = false;

  function work<T>(deadline: number, answer: (options: QueryOptions) => Promise<T>): Work<T> {
    // One that waited for its turn.
    if (closed) return { answer: Promise.reject(unavailable("the store is closed")), cancel() {} };
    const controller = new AbortController();
    running.add(controller);
    const timeLimit = Number.isFinite(deadline) ? { timeoutMs: deadline - now() } : {};
    const answered = answer({ signal: controller.signal, ...timeLimit })
      .then(
        (told) => {
          reach.answered();
          return told;
        },
        (error: unknown) => {
          const why = failureOf(error);
          if (why !== undefined && !closed) reach.failed(why);
          throw questionError(error);
        },
      )
      .finally(() => running.delete(controller));
    return { answer: answered, cancel: () => controller.abort() };
  }

  return {
    get failure() {
      return reach.failure;
    },
    ask(question, layout, deadline) {
      const { statements, read } = planQuestion(createClickhouseEngine(layout), question);
      return work(deadline, async (options) => {
        const [only] = statements;
        if (only === undefined) return read([]);
        if (statements.length === 1) return read([await connection.table(bind(only), options)]);
        const tables = [];
        for await (const { rowCount, columns } of connection.blocks(together(statements), options)) {
          if (rowCount > 0) tables.push(...columns.map(innerTable));
        }
        return read(tables);
      });
    },
    trace(question, layout, deadline) {
      const { feed, task, read } = planSequence(createClickhouseEngine(layout), question);
      return work(deadline, async (options) => {
        const blocks = connection.blocks(bind(feed.statement), { ...options, streamed: true });
        const { result, texts } = await runSequence(task, feed, blocks);
        return read(result, texts);
      });
    },
    run: work,
    close() {
      closed = true;
      reach.close();
      for (const controller of running) controller.abort();
    },
  };
}
