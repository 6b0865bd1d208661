/** Limits of the small state, the same wherever it is kept. */

export const maxStateKeyBytes = 512;
export const maxStateValueBytes = 1024 ** 2;

/** @throws RangeError where the key is empty or too long */
export function checkStateKey(key: string): void {
  const bytes = Buffer.byteLength(key);
  if (bytes >= 1 && bytes <= maxStateKeyBytes) return;
  throw new RangeError(`a state key has 1 to ${maxStateKeyBytes} bytes, ${JSON.stringify(key)} has not`);
}

/** @throws RangeError where the value is too long */
export function checkStateValue(key: string, value: Uint8Array): void {
  if (value.length <= maxStateValueBytes) return;
  throw new RangeError(
    `a state value has at most ${maxStateValueBytes} bytes, that of ${key} has ${value.length}`,
  );
}
