import { type JsonValue, toJson } from "@bufbuild/protobuf";
import { Code, ConnectError } from "@connectrpc/connect";
import { baseUrl } from "../../client/core/base-url.ts";
import {
  type ComponentHealth,
  errorReason,
  GetConsumerLagResponseSchema,
  GetConsumerStatsResponseSchema,
  GetProducerStatsResponseSchema,
  HealthStatus,
  type WeirClient,
} from "../../client/node/index.ts";
import { type Command, type CommandContext, columns, exitCodes } from "./command.ts";
import { askOnce, connectionFlags } from "./connection.ts";
import { printableJson } from "./printable.ts";

interface ServiceHealth {
  status: HealthStatus;
  components: Pick<ComponentHealth, "name" | "status" | "message">[];
}

const services: Readonly<Record<string, (weir: WeirClient) => Promise<ServiceHealth>>> = {
  ingestion: (weir) => weir.ingestion.health({}),
  consumer: (weir) => weir.consumer.getConsumerHealth({}),
  analytics: (weir) => weir.analytics.getAnalyticsHealth({}),
  metrics: (weir) => weir.metrics.health({}),
};

export const health: Command = {
  details: `Of a process that has not every role, the parts that it has.

Exit code 0: every part is healthy; 1: one is not, or the server cannot be reached.`,
  flags: connectionFlags,
  async run(values, _operands, context) {
    const code = await askOnce(values, context, async (weir) => {
      const answers = [];
      for (const [service, ask] of Object.entries(services)) {
        const answer = await here(ask(weir)).catch(refusal);
        if (answer !== undefined) answers.push({ service, ...answer });
      }
      const rows = answers.flatMap(({ service, status, components }) => [
        row(service, status),
        ...components.map((part) => row(`  ${part.name}`, part.status, part.message)),
      ]);
      context.stdout.write(`${values.url}\n${columns(rows)}\n`);
      return answers.every(({ status }) => status === HealthStatus.HEALTHY)
        ? exitCodes.done
        : exitCodes.notAll;
    });
    return code === exitCodes.done ? exitCodes.done : exitCodes.notAll;
  },
};

/** The answer; undefined where the process has not the role that gives it. */
function here<T>(answer: Promise<T>): Promise<T | undefined> {
  return answer.catch((error: unknown) => {
    if (errorReason(error) === "ROLE_NOT_HERE") return undefined;
    throw error;
  });
}

/** A service that answers with an error of its own is ill; anything else ends the command. */
function refusal(error: unknown): ServiceHealth {
  if (errorReason(error) === undefined) throw error;
  const part = {
    name: "service",
    status: HealthStatus.UNHEALTHY,
    message: (error as ConnectError).rawMessage,
  };
  return { status: HealthStatus.UNHEALTHY, components: [part] };
}

function row(name: string, status: HealthStatus, message = ""): [string, string] {
  const word = (HealthStatus[status] ?? "unknown").toLowerCase();
  return [name, message === "" ? word : `${word}: ${message}`];
}

export const ready: Command = {
  details: `It is asked for /ready, which --metrics-listen serves too: in the clear, where the address itself speaks TLS.

Exit code 0: it does; 1: it does not, or cannot be reached.`,
  flags: connectionFlags,
  async run(values, _operands, context) {
    let serving = false;
    await askOnce(values, context, async () => {
      serving = await isReady(baseUrl(String(values.url)));
      context.stdout.write(`${values.url} is ${serving ? "ready" : "not ready"}\n`);
      return exitCodes.done;
    });
    return serving ? exitCodes.done : exitCodes.notAll;
  },
};

/** @throws ConnectError where it cannot be reached, or answers something else */
async function isReady(url: string): Promise<boolean> {
  const { status } = await readyAnswer(url);
  if (status === 200) return true;
  if (status === 503) return false;
  throw new ConnectError(`/ready answers ${status}`, Code.Unknown);
}

async function readyAnswer(url: string): Promise<Response> {
  try {
    const answer = await fetch(`${url}/ready`, { signal: AbortSignal.timeout(readyTimeoutMs) });
    await answer.body?.cancel();
    return answer;
  } catch (error) {
    if ((error as Error).name === "TimeoutError") throw new ConnectError("no answer", Code.DeadlineExceeded);
    const { cause } = error as { cause?: Error };
    throw new ConnectError(cause?.message ?? String(error), Code.Unavailable, undefined, undefined, cause);
  }
}

const readyTimeoutMs = 10_000;

export const lag: Command = {
  details: "It is known to processes with the role consumer.",
  flags: connectionFlags,
  run: (values, _operands, context) =>
    askOnce(values, context, async (weir) =>
      print(context, toJson(GetConsumerLagResponseSchema, await weir.consumer.getConsumerLag({}), readable)),
    ),
};

export const stats: Command = {
  details: `Of a process that has only one of the roles ingest and consumer, its figures; one that has neither refuses.
The figures of every process are at /stats.`,
  flags: connectionFlags,
  run: (values, _operands, context) =>
    askOnce(values, context, async (weir) => {
      const producer = await here(weir.producer.getProducerStats({}));
      const asked = weir.consumer.getConsumerStats({});
      // With neither, the refusal says more than nothing at all.
      const consumer = await (producer === undefined ? asked : here(asked));
      return print(context, {
        ...(producer && { producer: toJson(GetProducerStatsResponseSchema, producer, readable) }),
        ...(consumer && { consumer: toJson(GetConsumerStatsResponseSchema, consumer, readable) }),
      });
    }),
};

const readable = { alwaysEmitImplicit: true, useProtoFieldName: true };

function print(context: CommandContext, value: JsonValue): number {
  context.stdout.write(`${printableJson(value, 2)}\n`);
  return exitCodes.done;
}
