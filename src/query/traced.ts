import type { AskOptions, EventStore } from "../store/store.ts";
import { inSpan, type Tracing } from "../telemetry/tracing.ts";

/** A store whose work for traced calls is a span of its own. Everything else is the store's own. */
export function withTracing(store: EventStore, tracing: Tracing): EventStore {
  const during = <A>(
    kind: string,
    options: AskOptions,
    work: (options: AskOptions) => Promise<A>,
  ): Promise<A> =>
    inSpan(tracing, `store ${kind}`, { kind: "client", parent: options.trace }, (trace) =>
      work({ ...options, trace }),
    );
  const traced: Pick<EventStore, "ask" | "trace"> = {
    ask: (question, options) => during(question.kind, options, (own) => store.ask(question, own)),
    trace: (question, options) => during(question.kind, options, (own) => store.trace(question, own)),
  };
  // The store's state is read through, not copied.
  return Object.assign(Object.create(store) as EventStore, traced);
}
