import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { delimiter, join } from "node:path";
import { runCommand } from "../command.ts";
import { repository } from "../process.ts";

const version = "4.3.1";
const cache = join(repository, ".cache");
const cached = join(cache, `kafka-${version}`);
/** 54 MB; under 15 s where the network is good. */
const fetchDeadlineMs = 110_000;

/**
 * Whether tests with a Kafka broker are left out, because this machine has no Java or no Maven, which is said on standard
 * output; never with CI=true.
 */
export function withoutKafka(): boolean {
  if (process.env.CI === "true") return false;
  const needed = existsSync(cached) ? ["java"] : ["java", "mvn"];
  const folders = (process.env.PATH ?? "").split(delimiter);
  const absent = needed.find((command) => !folders.some((folder) => existsSync(join(folder, command))));
  if (absent === undefined) return false;
  console.log(`left out: tests with Apache Kafka, because ${absent} is not there`);
  return true;
}

/** Folder of the broker's jars, which Maven fetches once and which are kept. */
export async function kafkaJars(): Promise<string> {
  if (existsSync(cached)) return cached;
  mkdirSync(cache, { recursive: true });
  const folder = mkdtempSync(join(cache, "kafka-"));
  try {
    const { code, stdout } = await runCommand(
      "mvn",
      [
        "-B",
        "-q",
        "-f",
        join(repository, "tests/support/kafka/pom.xml"),
        "dependency:copy-dependencies",
        "-DincludeScope=runtime",
        `-DoutputDirectory=${folder}`,
      ],
      { deadlineMs: fetchDeadlineMs },
    );
    if (code !== 0) throw new Error(`Maven could not fetch Kafka:\n${stdout}`);
    renameSync(folder, cached);
  } catch (error) {
    // Another test may have been as far at the same time; either folder will do.
    if (!existsSync(cached)) throw error;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
  return cached;
}
