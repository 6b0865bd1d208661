import { expect, it } from "vitest";
import { createSlots } from "../../src/store/slots.ts";

const now = () => 0;
const of = (keyId: string | undefined) => ({
  signal: new AbortController().signal,
  deadline: Number.POSITIVE_INFINITY,
  ...(keyId === undefined ? {} : { principal: { project: "p", scopes: new Set<never>(), keyId } }),
});

/** Slots whose work ends when it is told to. */
function heldSlots(maxRunning: number, maxWaiting: number) {
  const slots = createSlots({ maxRunning, maxWaiting, now });
  const started: string[] = [];
  const ends = new Map<string, () => void>();
  return {
    slots,
    started,
    ask(name: string, keyId?: string) {
      const { promise, resolve } = Promise.withResolvers<string>();
      ends.set(name, () => resolve(name));
      return slots.run(() => {
        started.push(name);
        return { answer: promise, cancel() {} };
      }, of(keyId));
    },
    end: (name: string) => ends.get(name)!(),
  };
}

it("keep one from a caller who has all others, and give it to whoever comes", async () => {
  const { slots, started, ask, end } = heldSlots(3, 8);
  const asked = ["a", "b", "c", "d"].map((name) => ask(name, "loud"));
  expect(started).toEqual(["a", "b"]);
  const other = ask("other", "good");
  expect(started).toEqual(["a", "b", "other"]);
  end("other");
  await other;
  expect(started).toEqual(["a", "b", "other"]);
  for (const name of ["a", "b", "c", "d"]) {
    end(name);
    await asked["abcd".indexOf(name)];
  }
  expect(started).toEqual(["a", "b", "other", "c", "d"]);
  expect([slots.running, slots.waiting]).toEqual([0, 0]);
});

it("go next to the caller with the fewest running, in order among equals", async () => {
  const { started, ask, end } = heldSlots(3, 8);
  const first = [ask("a", "x"), ask("b", "x"), ask("c", "y")];
  const rest = [ask("d", "x"), ask("e", "y"), ask("f", "z"), ask("g", "w")];
  end("c");
  await first[2];
  expect(started).toEqual(["a", "b", "c", "e"]);
  end("e");
  await rest[1];
  end("f");
  await rest[2];
  expect(started).toEqual(["a", "b", "c", "e", "f", "g"]);
  for (const name of ["a", "b", "d", "g"]) end(name);
  await Promise.all([...first, ...rest]);
});

it("leave half of the places to wait to others", async () => {
  const { slots, ask, end } = heldSlots(1, 4);
  const running = ask("a", "loud");
  const waiting = [ask("b", "loud"), ask("c", "loud")];
  await expect(ask("d", "loud")).rejects.toMatchObject({
    reason: "TOO_MANY_REQUESTS",
    message: "2 questions of one caller wait for the store already",
  });
  const others = [ask("e", "good"), ask("f", "good")];
  await expect(ask("g", "third")).rejects.toThrow("4 questions wait for the store already");
  expect([slots.refused, slots.waiting]).toEqual([2, 4]);
  for (const name of ["a", "b", "c", "e", "f"]) end(name);
  await Promise.all([running, ...waiting, ...others]);
});

it("are all open to nobody in particular", async () => {
  const { started, ask, end } = heldSlots(2, 2);
  const asked = ["a", "b", "c", "d"].map((name) => ask(name));
  expect(started).toEqual(["a", "b"]);
  await expect(ask("e")).rejects.toThrow("2 questions wait for the store already");
  for (const name of ["a", "b", "c", "d"]) end(name);
  await Promise.all(asked);
  expect(started).toEqual(["a", "b", "c", "d"]);
});
