import { expect, it } from "vitest";
import { ensureTokenSecret, tokenSecret } from "../../src/state/token-secret.ts";

const never = new AbortController().signal;

/** A state to which another process is about to put the secret, and does with the third look. */
function contested() {
  let looks = 0;
  return {
    get: async () => (++looks < 3 ? undefined : Buffer.from("of the other")),
    putIfAbsent: async () => false,
  };
}

it("is that of who was first, though it came a moment later", async () => {
  const { secret, made } = await ensureTokenSecret(contested(), never);
  expect({ secret: Buffer.from(secret).toString(), made }).toEqual({ secret: "of the other", made: false });
});

it("is waited for no longer than the start goes on", async () => {
  const end = new AbortController();
  const state = {
    get: async () => undefined,
    putIfAbsent: async () => {
      end.abort(new Error("stopped"));
      return false;
    },
  };
  await expect(ensureTokenSecret(state, end.signal)).rejects.toThrow("stopped");
});

it("is the operator's where he gives one", async () => {
  const refusing = { get: () => Promise.reject(new Error("asked")), putIfAbsent: async () => false };
  expect(await tokenSecret("given", refusing, never)).toEqual(Buffer.from("given"));
});
