/** One store for each way that keys are laid out, of which the answers must not tell. */
import { expect } from "vitest";
import type { KeyColumnLimits } from "../../src/store/apply/census.ts";
import type { AnswerTo, Question } from "../../src/store/questions.ts";
import type { ApplyResult, AskOptions, EventStore } from "../../src/store/store.ts";
import { type TemporaryStore, temporaryStore } from "./store.ts";

export const layouts: Readonly<Record<string, Partial<KeyColumnLimits>>> = {
  "all keys in maps": { properties: 0, measures: 0 },
  "each key in a column as it appears": { window: 1, share: 0 },
  "some keys in columns, from some event on": { properties: 2, measures: 1, window: 300, share: 0.1 },
};

export interface StoresByLayout {
  readonly store: Pick<EventStore, "apply" | "ask">;
  remove(): Promise<void>;
}

/** Each call goes to a store of each layout, and they must answer the same. */
export async function storesByLayout(): Promise<StoresByLayout> {
  const stores: [string, TemporaryStore][] = [];
  for (const [name, keyColumns] of Object.entries(layouts)) {
    stores.push([name, await temporaryStore({ keyColumns })]);
  }
  async function same<T>(call: (store: EventStore) => Promise<T>): Promise<T> {
    const answers = await Promise.all(stores.map(([, { store }]) => call(store)));
    stores.forEach(([name], i) => {
      expect(answers[i], name).toEqual(answers[0]);
    });
    return answers[0]!;
  }
  return {
    store: {
      apply: (blocks): Promise<ApplyResult> => same((store) => store.apply(blocks)),
      ask: <Q extends Question>(question: Q, options: AskOptions): Promise<AnswerTo<Q>> =>
        same((store) => store.ask(question, options)),
    },
    async remove() {
      await Promise.all(stores.map(([, temporary]) => temporary.remove()));
    },
  };
}
