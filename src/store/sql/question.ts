import type { AnswerTo, Question } from "../questions.ts";
import { bounds } from "./bounds.ts";
import { breakdown } from "./breakdown.ts";
import { dimensions } from "./dimensions.ts";
import type { SqlEngine } from "./engine.ts";
import { events } from "./events.ts";
import type { Plan } from "./plan.ts";
import { firstEverRetention } from "./retention.ts";
import { series } from "./series.ts";
import { summary } from "./summary.ts";
import { user } from "./user.ts";

/** How a question is answered by an engine of SQL. */
export function planQuestion<Q extends Question>(engine: SqlEngine, question: Q): Plan<AnswerTo<Q>> {
  return planOf(engine, question) as Plan<AnswerTo<Q>>;
}

function planOf(engine: SqlEngine, question: Question): Plan<AnswerTo<Question>> {
  switch (question.kind) {
    case "summary":
      return summary(engine, question);
    case "series":
      return series(engine, question);
    case "breakdown":
      return breakdown(engine, question);
    case "bounds":
      return bounds(engine, question);
    case "events":
      return events(engine, question);
    case "user":
      return user(engine, question);
    case "dimensions":
      return dimensions(engine, question);
    case "first_ever_retention":
      return firstEverRetention(engine, question);
  }
}
