/**
 * Composition root: builds every stage, starts and stops them in order. The only place, with its parts app-*.ts, that
 * knows implementations.
 */
import { openAccess } from "./app-access.ts";
import { openLog } from "./app-log.ts";
import { observe } from "./app-observe.ts";
import { createServices } from "./app-services.ts";
import { startStages } from "./app-stages.ts";
import { createStart, StoppedError } from "./app-start.ts";
import { openStore } from "./app-store.ts";
import { openTracing } from "./app-tracing.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { nameOf, settings } from "./config/settings.ts";
import { readTls } from "./config/tls.ts";
import { packageVersion } from "./config/version.ts";
import { lagOf } from "./consumer/lag.ts";
import { createSlots } from "./domain/slots.ts";
import { createIngestionStats } from "./ingestion/stats.ts";
import { tokenSecret } from "./state/token-secret.ts";
import { countCall } from "./telemetry/calls.ts";
import { createHistory } from "./telemetry/history.ts";
import type { Logger } from "./telemetry/logger.ts";
import { createMetrics } from "./telemetry/metrics.ts";
import { createTransport } from "./transport/server.ts";

export { StoppedError };

export interface App {
  /** The addresses served, as URLs. */
  readonly urls: readonly string[];
  /** Those that serve figures alone, without a key. */
  readonly metricsUrls: readonly string[];
  /** Whether calls need no key. */
  readonly open: boolean;
  /**
   * Stops taking calls, lets those under way end, writes what is queued, closes everything in reverse order. What another
   * system still has to answer is given up after the shutdown's timeout.
   *
   * @throws the first failure to close a part, once all the others are closed
   */
  stop(): Promise<void>;
}

const now = Date.now;
/** Of spans and rates: a clock that nobody sets. */
const elapsed = () => performance.now();

/**
 * Builds and starts everything. Where a step fails, what was started before is stopped again.
 *
 * @param halt aborted where the start is to be given up
 * @throws ConfigError where a setting cannot be used, StoppedError once all is closed after a halt, else Error with one
 * line for the operator
 */
export async function startApp(config: Config, logger: Logger, halt: AbortSignal): Promise<App> {
  const startedAtMs = now();
  /** What ends each part, in the order in which they were started. */
  const stops: (() => Promise<void>)[] = [];
  /** Aborted where nobody waits any more for what other systems have to answer. */
  const givenUp = new AbortController();
  const giveUp = () => givenUp.abort(new StoppedError("the server is being stopped"));
  halt.addEventListener("abort", giveUp);
  const start = createStart(givenUp.signal, logger);
  const stop = async () => {
    const failures: unknown[] = [];
    for (const end of stops.splice(0).reverse()) {
      // What cannot be closed, such as a store on a full disk, must not keep the log from being closed.
      try {
        await end();
      } catch (error) {
        logger.error({ err: error }, "a part could not be closed");
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  };
  try {
    const tls = readTls(config);
    const metrics = createMetrics({ startedAtMs: elapsed(), now: elapsed });
    const tracing = await openTracing(config, metrics, logger);
    if (tracing !== undefined) stops.push(() => tracing.close());
    const log = await openLog({ config, metrics, logger, start, stops });
    const { reader, appender } = log;
    // Before anything is written for this version: a store of a newer one is refused, with all beside it as it is.
    const parts = reader && (await openStore({ config, log: { ...log, reader }, logger, start, stops }));
    const access = await openAccess({
      config,
      state: log.state,
      logger: logger.child({ stage: "auth" }),
      stops,
    });
    const liveSlots = createSlots(config.maxLiveStreams, "places for live streams");
    const exportSlots = createSlots(config.maxExports, "places for exports");
    const stages = startStages({
      config,
      log,
      parts,
      access,
      metrics,
      tracing,
      liveSlots,
      logger,
      stops,
    });
    const history = createHistory({ metrics, now });
    history.start();
    stops.push(() => history.close());

    const stats = createIngestionStats(elapsed);
    const services = createServices({
      config,
      startedAtMs,
      secret: await tokenSecret(config.tokenSecret, log.state, givenUp.signal),
      access,
      log,
      stages,
      liveSlots,
      exportSlots,
      metrics,
      tracing,
      history,
      stats,
    });
    let ready = false;
    const { progress, store, consumer, live } = stages;
    const transport = await createTransport({
      listen: config.listen,
      metricsListen: config.metricsListen,
      ...(tls ? { tls } : {}),
      services,
      authenticator: access.authenticator,
      rates: access.rates,
      open: access.open,
      allowedOrigins: config.allowedOrigins,
      limits: config,
      log: logger.child({ stage: "transport" }),
      tracing,
      observe: (call) => countCall(call, metrics, (reason) => stats.failed(reason, 1)),
      underWay: (change) => (change > 0 ? metrics.rpcStarted() : metrics.rpcEnded()),
      pages: {
        version: packageVersion(),
        ready: () => ready,
        health: stages.health,
        stats: () => ({
          ...(config.roles.includes("ingest")
            ? { producer: { ...stats.read(), log: appender.stats() } }
            : {}),
          ...(consumer ? { consumer: { ...consumer.stats(), store: store?.stats() } } : {}),
          ...(store && !consumer ? { store: store.stats() } : {}),
          ...(live ? { live: live.stats() } : {}),
          metrics: history.stats(),
        }),
        ...(reader ? { lag: async () => ({ partitions: await lagOf(reader, progress(), now()) }) } : {}),
        metrics: async () => ({ contentType: metrics.registry.contentType, body: await metrics.text() }),
      },
    });
    stops.push(() => transport.close(config.shutdownTimeoutMs));
    observe({ metrics, config, log, stages, liveSlots, exportSlots, transport });
    const urls = (await transport.start().catch(refuseAddress)).map(
      (address) => `${tls ? "https" : "http"}://${address}`,
    );
    givenUp.signal.throwIfAborted();
    ready = true;
    return {
      urls,
      metricsUrls: transport.metricsAddresses.map((address) => `http://${address}`),
      open: access.open,
      stop: async () => {
        ready = false;
        const timer = setTimeout(giveUp, config.shutdownTimeoutMs);
        await stop().finally(() => clearTimeout(timer));
      },
    };
  } catch (error) {
    // Why the start failed is what the operator is told; the log lines have the rest.
    await stop().catch(() => {});
    givenUp.signal.throwIfAborted();
    throw error;
  } finally {
    halt.removeEventListener("abort", giveUp);
  }
}

/** A taken port may be free again later; an address that this machine does not have, or may not use, is a mistake. */
function refuseAddress(error: NodeJS.ErrnoException): never {
  if (!["EADDRNOTAVAIL", "EACCES", "ENOTFOUND"].includes(error.code ?? "")) throw error;
  const names = [settings.listen, settings.metricsListen].map(nameOf);
  throw new ConfigError(`${names.join(" or ")}: ${error.message}`, { cause: error });
}
