/** What it costs a call that its caller has a key: the same calls to an open server and to one that wants keys, by turns. */
import { join } from "node:path";
import { startKeyedServer } from "./keyed-server.ts";
import { comparePaired, sideOf } from "./paired.ts";
import { startBenchServer } from "./server.ts";

/** @param rounds of each kind of call */
export async function access(directory: string, rounds: number): Promise<void> {
  const open = (name: string) => startBenchServer(join(directory, name));
  const keyed = await startKeyedServer(join(directory, "keyed"));
  const sides = [
    sideOf("open", await open("open")),
    sideOf("with a key", keyed, await keyed.newKey()),
    sideOf("another open one, which is chance", await open("other")),
  ];
  await comparePaired(sides, rounds);
}
