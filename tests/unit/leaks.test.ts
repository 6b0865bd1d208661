import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { signingKey, token } from "../support/issuer.ts";
import { createLeakCheck, leakIn } from "../support/leaks.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "weir-leaks-"));
});
afterEach(() => rmSync(directory, { recursive: true }));

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

  it("for secrets as they stand in a URL, in base64 behind a name, and in the file that the bootstrap key is read from", () => {
    const env = { WEIR_KAFKA_PASSWORD: "correct/horse" };
    expect(found("of correct%2Fhorse", env)).toBe("WEIR_KAFKA_PASSWORD");
    for (const name of ["", "a", "ab", "abc"]) {
      const basic = Buffer.from(`${name}correct/horse${name}`).toString("base64");
      expect(found(`Basic ${basic}`, env), name).toBe("WEIR_KAFKA_PASSWORD");
    }
    const collector = { WEIR_OTLP_HEADERS: "x-name=first-secret, authorization=second-secret" };
    expect(found("of second-secret", collector)).toBe("WEIR_OTLP_HEADERS");
    expect(found("x-name, authorization", collector)).toBeUndefined();
    const file = join(directory, "bootstrap.key");
    writeFileSync(file, "correct-horse\n");
    expect(found("correct-horse", { WEIR_BOOTSTRAP_KEY_FILE: file })).toBe("the bootstrap key's file");
    expect(found("correct-horse", {}, ["serve", "--bootstrap-key-file", file])).toBe(
      "the bootstrap key's file",
    );
  });

  it("for any token that is whole", async () => {
    const whole = await token(await signingKey("one"));
    expect(found(`Bearer ${whole}`)).toBe("a token");
    expect(found(whole.split(".").slice(0, 2).join("."))).toBeUndefined();
  });

  it("also where it is kept, in files and in folders within folders", async () => {
    const folder = join(directory, "log", "deep");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "000003.log"), Buffer.from([0xff, 0, ...Buffer.from("correct-horse"), 0xfe]));
    const env = { WEIR_TOKEN_SECRET: "correct-horse" };
    expect(await leakIn([join(directory, "log")], [], env)).toBe("WEIR_TOKEN_SECRET");
    expect(await leakIn([join(folder, "000003.log")], [], env)).toBe("WEIR_TOKEN_SECRET");
    expect(await leakIn([join(directory, "none")], [], env)).toBeUndefined();
    expect(await leakIn([join(directory, "log")], [], {})).toBeUndefined();
  });
});
