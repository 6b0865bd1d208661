/** An installation of several processes over a real Kafka broker and ClickHouse's engine, all of it on this machine. */
import { expect } from "vitest";
import { type Role, roles } from "../../src/domain/roles.ts";
import { type ClickhouseEngine, startEngine } from "./clickhouse.ts";
import { type KafkaBroker, type KafkaOptions, startKafka } from "./kafka.ts";
import { weir } from "./process.ts";
import { type RunningServer, type ServerOptions, startServer } from "./server.ts";

export interface Installation {
  readonly kafka: KafkaBroker;
  readonly clickhouse: ClickhouseEngine;
  /** Settings of every process and command; with an empty WEIR_STORE each process has a DuckDB of its own. */
  readonly env: NodeJS.ProcessEnv;
  /** Starts a process of these roles, `all` or some of them by commas; close() stops it. */
  serve(roles: string, options?: ServerOptions): Promise<RunningServer>;
  /** Starts a process of each role alone. */
  serveEach(options?: ServerOptions): Promise<Record<Role, RunningServer>>;
  close(): Promise<void>;
}

/** Starts broker and engine, and makes topics and schema as an operator would. */
export async function startInstallation(
  options: {
    kafka?: KafkaOptions;
    /** Further settings of every process and command, which may depend on where broker and store are. */
    env?: NodeJS.ProcessEnv | ((kafka: KafkaBroker, store: string) => NodeJS.ProcessEnv);
  } = {},
): Promise<Installation> {
  const closing: (() => Promise<unknown>)[] = [];
  const close = async () => {
    const failures: unknown[] = [];
    // One that does not end as it should must not keep the others alive.
    for (const end of closing.splice(0).reverse()) await end().catch((error) => failures.push(error));
    if (failures.length > 0) throw failures[0];
  };
  try {
    const starting = [startKafka(options.kafka), startEngine()] as const;
    for (const part of starting) closing.push(async () => (await part).close());
    const [kafka, clickhouse] = await Promise.all(starting);
    const store = clickhouse.newDatabase().replace("http:", "clickhouse:");
    const env: NodeJS.ProcessEnv = {
      WEIR_LOG: `kafka://${kafka.brokers.join(",")}/weir`,
      WEIR_STORE: store,
      // So that a process that dies is missed soon.
      WEIR_KAFKA_SESSION_TIMEOUT: "2s",
      ...(typeof options.env === "function" ? options.env(kafka, store) : options.env),
    };
    const prepare = async (command: string[]) => {
      const { code, stderr } = await weir(command, { env });
      expect(stderr).toBe("");
      expect(code).toBe(0);
    };
    await Promise.all([
      prepare(["topics", "create"]),
      ...(env.WEIR_STORE === "" ? [] : [prepare(["migrate"])]),
    ]);
    const serve = async (played: string, { env: more, ...rest }: ServerOptions = {}) => {
      const server = await startServer({ ...rest, env: { ...env, WEIR_ROLES: played, ...more } });
      closing.push(server.stop);
      return server;
    };
    return {
      kafka,
      clickhouse,
      env,
      serve,
      async serveEach(more) {
        const started = await Promise.all(
          roles.map(async (role) => [role, await serve(role, more)] as const),
        );
        return Object.fromEntries(started) as Record<Role, RunningServer>;
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}
