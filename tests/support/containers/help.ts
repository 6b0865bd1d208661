import { PassThrough } from "node:stream";
import { text } from "node:stream/consumers";
import { expect } from "vitest";
import { main } from "../../../src/cli/weir.ts";

/** What `weir` prints for these arguments. */
export async function helpOf(...args: string[]): Promise<string> {
  const stdout = new PassThrough();
  const code = await main(args, { stdin: new PassThrough(), stdout, stderr: stdout, env: {} });
  stdout.end();
  const printed = await text(stdout);
  expect(code, printed).toBe(0);
  return printed;
}
