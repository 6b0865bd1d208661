/** The programs prometheus and promtool: the machine's own, or those of Debian's package, which apt fetches once. */
import { mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runCommand } from "../command.ts";
import { fetchDeadlineMs, fetched, isCommand, isFetched } from "../fetched.ts";

export interface PrometheusPrograms {
  readonly prometheus: string;
  readonly promtool: string;
}

const name = "prometheus";
const programs = ["prometheus", "promtool"] as const;

/**
 * Whether tests with Prometheus are left out, because this machine has neither it nor apt, which is said on standard
 * output; never with CI=true.
 */
export function withoutPrometheus(): boolean {
  if (process.env.CI === "true" || isFetched(name) || programs.every(isCommand)) return false;
  const absent = ["apt-get", "dpkg-deb"].find((command) => !isCommand(command));
  if (absent === undefined) return false;
  console.log(
    `left out: tests with Prometheus, because neither prometheus with promtool nor ${absent} is there`,
  );
  return true;
}

export async function prometheusPrograms(): Promise<PrometheusPrograms> {
  if (!isFetched(name) && programs.every(isCommand))
    return { prometheus: "prometheus", promtool: "promtool" };
  const folder = await fetched(name, fetchPackage);
  return { prometheus: join(folder, "prometheus"), promtool: join(folder, "promtool") };
}

/** Without being root, and without the machine's package lists, which may be old or absent: 14 and 19 MB. */
async function fetchPackage(folder: string): Promise<void> {
  const [state, cache, unpacked] = ["state", "cache", "unpacked"].map((part) => join(folder, part)) as [
    string,
    string,
    string,
  ];
  for (const own of [join(state, "lists/partial"), join(cache, "archives/partial")]) {
    mkdirSync(own, { recursive: true });
  }
  const own = ["-o", `Dir::State=${state}`, "-o", `Dir::Cache=${cache}`, "-o", "APT::Sandbox::User="];
  // That it fails for one of several sources says nothing yet.
  await run("apt-get", [...own, "-q", "update"], folder);
  const { code, stderr } = await run("apt-get", [...own, "-q", "download", "prometheus"], folder);
  if (code !== 0) throw new Error(`apt could not fetch Prometheus:\n${stderr}`);
  const file = readdirSync(folder).find((entry) => entry.endsWith(".deb"))!;
  const { code: failed, stderr: why } = await run("dpkg-deb", ["-x", file, unpacked], folder);
  if (failed !== 0) throw new Error(`Prometheus' package could not be unpacked:\n${why}`);
  for (const program of programs) renameSync(join(unpacked, "usr/bin", program), join(folder, program));
  for (const rest of [state, cache, unpacked, join(folder, file)]) rmSync(rest, { recursive: true });
}

function run(command: string, args: readonly string[], cwd: string) {
  return runCommand(command, args, { cwd, deadlineMs: fetchDeadlineMs });
}
