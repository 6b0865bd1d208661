/** A real Apache Kafka broker: one process that is broker and controller, on ports of 127.0.0.1. */
import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync } from "node:fs";
import { cp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { kafkaJars } from "./kafka/jars.ts";
import { leakIn } from "./leaks.ts";
import { freePorts } from "./ports.ts";
import { gather, repository } from "./process.ts";
import { stall } from "./stall.ts";

export interface KafkaBroker {
  /** Its addresses for clients, as kafkajs takes them. */
  readonly brokers: readonly string[];
  /** The addresses of one of its further listeners. */
  listener(name: string): readonly string[];
  /** Where it keeps the topics' segments. */
  readonly dataDirectory: string;
  /** Bytes of a topic's first partition on disk. */
  bytesOf(topic: string): number;
  /** Ends it at once, as a crash would; the data stay. */
  kill9(): Promise<void>;
  /** Keeps a copy of its data as they are now; to be called once it has ended. */
  copyData(): Promise<void>;
  /** Puts the copy in place of its data, as a disk that was lost and came back from a backup; once it has ended. */
  loseToCopy(): Promise<void>;
  /** Starts it again on its data and its ports, once it has ended, and waits until it serves. */
  restart(): Promise<void>;
  /** Stalls it: connections stay, nothing is answered any more once this resolves. */
  stall(): Promise<void>;
  /** Ends a stall. */
  resume(): void;
  /** Runs one of Kafka's own tools, such as org.apache.kafka.tools.TopicCommand, and answers its standard output. */
  tool(name: string, args: readonly string[], stdin?: string): Promise<string>;
  /** Ends it, looks through the topics for keys, and removes its data. */
  close(): Promise<void>;
}

export interface KafkaOptions {
  /** Further lines of the broker's properties. */
  readonly properties?: readonly string[];
  /** Further listeners by name; each gets a port. */
  readonly listeners?: readonly string[];
  /** As `kafka-storage format --add-scram` takes them. */
  readonly scram?: readonly string[];
}

const clusterId = "d2VpcnRlc3RzLWthZmthLQ";
const jvm = ["-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"];

export async function startKafka(options: KafkaOptions = {}): Promise<KafkaBroker> {
  const classPath = join(await kafkaJars(), "*");
  const directory = mkdtempSync(join(tmpdir(), "weir-kafka-"));
  const file = join(directory, "server.properties");
  const names = ["PLAINTEXT", ...(options.listeners ?? [])];
  const [controllerPort = 0, ...ports] = await freePorts(names.length + 1);
  const addresses = names.map((name, i) => `${name}://127.0.0.1:${ports[i]}`);
  mkdirSync(join(directory, "data"));
  writeFileSync(
    file,
    [
      "process.roles=broker,controller",
      "node.id=1",
      `controller.quorum.bootstrap.servers=127.0.0.1:${controllerPort}`,
      "controller.listener.names=CONTROLLER",
      `listeners=${[...addresses, `CONTROLLER://127.0.0.1:${controllerPort}`].join(",")}`,
      `advertised.listeners=${addresses.join(",")}`,
      `log.dirs=${join(directory, "data")}`,
      ...["offsets.topic", "transaction.state.log", "share.coordinator.state.topic"].flatMap((topic) => [
        `${topic}.replication.factor=1`,
        `${topic}.num.partitions=1`,
      ]),
      "transaction.state.log.min.isr=1",
      "share.coordinator.state.topic.min.isr=1",
      "group.initial.rebalance.delay.ms=0",
      "group.min.session.timeout.ms=1000",
      "auto.create.topics.enable=false",
      // After a kill -9 the controller waits for the old session to end.
      "broker.session.timeout.ms=1000",
      "broker.heartbeat.interval.ms=250",
      ...(options.properties ?? []),
    ].join("\n"),
  );

  function java(main: string, args: readonly string[]): ChildProcess {
    const log = `-Dlog4j2.configurationFile=${join(repository, "tests/support/kafka/log4j2.properties")}`;
    return spawn("java", [...jvm, log, "-cp", classPath, main, ...args], { cwd: directory, stdio: "pipe" });
  }

  async function tool(name: string, args: readonly string[], stdin = ""): Promise<string> {
    const child = java(name, args);
    const [stdout, stderr] = [gather(child, "stdout"), gather(child, "stderr")];
    child.stdin!.on("error", () => {});
    child.stdin!.end(stdin);
    const [code] = (await once(child, "close")) as [number | null];
    if (code !== 0) throw new Error(`${name} ended with ${code}: ${stdout()}${stderr()}`);
    return stdout();
  }

  let broker: ChildProcess | undefined;
  const killAtExit = () => broker?.kill("SIGKILL");

  async function start(): Promise<void> {
    const child = java("kafka.Kafka", [file]);
    broker = child;
    const [stdout, stderr] = [gather(child, "stdout"), gather(child, "stderr")];
    const ended = once(child, "close");
    const lines = createInterface({ input: child.stdout! });
    const started = (async () => {
      for await (const line of lines) if (line.includes("Kafka Server started")) return true;
      return false;
    })();
    if (await started) return;
    await ended;
    throw new Error(`Kafka did not start: ${stdout()}${stderr()}`);
  }

  async function kill9(): Promise<void> {
    const child = broker;
    broker = undefined;
    if (child === undefined || child.exitCode !== null) return;
    const ended = once(child, "exit");
    child.kill("SIGKILL");
    await ended;
  }

  async function close(): Promise<void> {
    process.removeListener("exit", killAtExit);
    await kill9();
    const leak = await leakIn([join(directory, "data")], [], {});
    rmSync(directory, { recursive: true, force: true });
    if (leak !== undefined) throw new Error(`a topic has a secret: ${leak}`);
  }

  process.on("exit", killAtExit);
  try {
    const scram = (options.scram ?? []).flatMap((user) => ["--add-scram", user]);
    await tool("kafka.tools.StorageTool", ["format", "--standalone", "-t", clusterId, "-c", file, ...scram]);
    await start();
  } catch (error) {
    await close();
    throw error;
  }
  return {
    brokers: [`127.0.0.1:${ports[0]}`],
    listener: (name) => [`127.0.0.1:${ports[names.indexOf(name)]}`],
    dataDirectory: join(directory, "data"),
    bytesOf(topic) {
      const folder = join(directory, "data", `${topic}-0`);
      const segments = readdirSync(folder).filter((name) => name.endsWith(".log"));
      return segments.reduce((sum, name) => sum + statSync(join(folder, name)).size, 0);
    },
    kill9,
    copyData: () => cp(join(directory, "data"), join(directory, "copy"), { recursive: true }),
    async loseToCopy() {
      await rm(join(directory, "data"), { recursive: true });
      await cp(join(directory, "copy"), join(directory, "data"), { recursive: true });
    },
    restart: start,
    stall: () => stall(broker!.pid!),
    resume: () => broker?.kill("SIGCONT"),
    tool,
    close,
  };
}
