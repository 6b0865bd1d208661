/** Reads a stream of a client message by message; it ends with its client or its call's signal. */
export interface Reading<T> {
  /** All that was read so far. */
  readonly all: readonly T[];
  /** @throws Error where the stream has ended */
  next(): Promise<T>;
  /** The first message from here on of which the condition holds. */
  until(condition: (message: T) => boolean): Promise<T>;
}

export function reading<T>(messages: AsyncIterable<T>): Reading<T> {
  const iterator = messages[Symbol.asyncIterator]();
  const all: T[] = [];
  const next = async () => {
    const { value, done } = await iterator.next();
    if (done) throw new Error("the stream has ended");
    all.push(value);
    return value as T;
  };
  return {
    all,
    next,
    async until(condition) {
      for (;;) {
        const message = await next();
        if (condition(message)) return message;
      }
    },
  };
}
