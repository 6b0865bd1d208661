/** Which of the machine's cores do what, so that a broker takes no time from what is measured. */
import { spawnSync } from "node:child_process";

/** As taskset takes them, such as `0` or `0,1`. */
export interface Cores {
  /** Of the broker, and of what else is not measured. */
  readonly others: string;
  /** Of what is measured. */
  readonly measured: string;
}

/** Whether the machine lets processes be bound to these cores; says on standard output what is bound to which. */
export function checkCores({ others, measured }: Cores): boolean {
  const bound = bind(others) && bind(measured);
  console.log(
    bound
      ? `cores: broker, ClickHouse's engine and client on ${others}, what is measured on ${measured}`
      : `cores: shared by all, since taskset is not there, or has no cores ${others} and ${measured}`,
  );
  return bound;
}

/** Binds this process, and what it starts from now on, to cores; where that cannot be done, it runs where it did. */
export function bind(cores: string): boolean {
  const args = ["-a", "-c", "-p", cores, String(process.pid)];
  return spawnSync("taskset", args, { stdio: "ignore" }).status === 0;
}
