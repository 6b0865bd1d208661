import { describe, expect, it } from "vitest";
import { createLeakCheck } from "../support/leaks.ts";

const key = `weir_${"k".repeat(43)}`;

function found(text: string | readonly string[], env: NodeJS.ProcessEnv = {}, args: string[] = []) {
  const check = createLeakCheck(args, env);
  for (const piece of [text].flat()) check.read(piece);
  return check.leak;
}

describe("what a program of the tests writes is looked through", () => {
  it.each([
    "WEIR_BOOTSTRAP_KEY",
    "WEIR_TOKEN_SECRET",
    "WEIR_KAFKA_PASSWORD",
    "WEIR_CLICKHOUSE_PASSWORD",
    "WEIR_API_KEY",
  ])("for the value of %s, whole or in pieces", (name) => {
    const env = { [name]: "correct-horse" };
    expect(found("it is correct-horse.", env)).toBe(name);
    expect(found(["it is corre", "ct-horse"], env)).toBe(name);
    expect(found("it is a horse", env)).toBeUndefined();
  });

  it("for the password in a URL, a key on the command line and any key that is whole", () => {
    const env = { WEIR_STORE: "clickhouse://u:correct%2Fhorse@127.0.0.1/weir" };
    expect(found("correct/horse", env)).toBe("the password in WEIR_STORE");
    expect(found("of another-key", {}, ["keys", "list", "--api-key", "another-key"])).toBe("--api-key");
    expect(found("Usage: weir generate-data", {}, ["generate-data", "--help"])).toBeUndefined();
    expect(found(`{"keyId":"${key}"}`)).toBe("a key");
    expect(found(`${key.slice(0, 12)}…`)).toBeUndefined();
  });
});
