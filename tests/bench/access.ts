/** What it costs a call that its key is looked at: the same calls to an open server and to one that wants keys, by turns. */
import { join } from "node:path";
import { startKeyedServer } from "./keyed-server.ts";
import { comparePaired, type Side, sideOf, startInAnyOrder } from "./paired.ts";
import { startBenchServer } from "./server.ts";

/** An open server takes any: all callers send one, so that what is seen is the server's part. */
const anyKey = "whatever-it-is-an-open-server-takes-it-0123456789";

/** @param rounds of each kind of call */
export async function access(directory: string, rounds: number): Promise<void> {
  await comparePaired(directory, startSides, rounds);
}

async function startSides(directory: string): Promise<readonly Side[]> {
  const open = (name: string) => () => startBenchServer(join(directory, name));
  const [first, keyed, other] = await startInAnyOrder([
    open("open"),
    () => startKeyedServer(join(directory, "keyed")),
    open("other"),
  ]);
  return [
    sideOf("open", first, anyKey),
    sideOf("with a key", keyed, await keyed.newKey()),
    sideOf("another open one, which is chance", other, anyKey),
  ];
}
