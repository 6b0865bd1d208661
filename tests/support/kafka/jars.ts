import { join } from "node:path";
import { runCommand } from "../command.ts";
import { fetchDeadlineMs, fetched, isCommand, isFetched } from "../fetched.ts";
import { repository } from "../process.ts";

const name = "kafka-4.3.1";

/**
 * Whether tests with a Kafka broker are left out, because this machine has no Java or no Maven, which is said on standard
 * output; never with CI=true.
 */
export function withoutKafka(): boolean {
  if (process.env.CI === "true") return false;
  const needed = isFetched(name) ? ["java"] : ["java", "mvn"];
  const absent = needed.find((command) => !isCommand(command));
  if (absent === undefined) return false;
  console.log(`left out: tests with Apache Kafka, because ${absent} is not there`);
  return true;
}

/** Folder of the broker's jars (54 MB), which Maven fetches once and which are kept. */
export function kafkaJars(): Promise<string> {
  return fetched(name, async (folder) => {
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
  });
}
