/** Part of the composition root: who may call, from the settings and the shared state. */
import type { Authenticator, Rates } from "./auth/auth.ts";
import { createKeyAuthenticator } from "./auth/authenticator.ts";
import { type Keys, openKeys } from "./auth/keys.ts";
import { createOpenAuthenticator } from "./auth/open.ts";
import { openProjects, type Project, type Projects } from "./auth/projects.ts";
import { createRates } from "./auth/rates.ts";
import { createKeySet } from "./auth/tokens/key-set.ts";
import { createTokens, type Tokens } from "./auth/tokens/tokens.ts";
import { readBootstrapKey } from "./config/bootstrap-key.ts";
import { type Config, ConfigError } from "./config/config.ts";
import { nameOf, settings } from "./config/settings.ts";
import { checkTokens } from "./config/tokens.ts";
import { isLoopback, parseAddress } from "./domain/address.ts";
import type { RateLimits } from "./domain/rate-limits.ts";
import type { StateStore } from "./state/state.ts";
import type { Logger } from "./telemetry/logger.ts";

const dayMs = 24 * 60 * 60 * 1000;

export interface Access {
  /** Whether calls need no key. */
  readonly open: boolean;
  readonly authenticator: Authenticator;
  readonly rates: Rates;
  readonly keys: Keys;
  readonly projects: Projects;
}

export interface AccessOptions {
  readonly config: Config;
  readonly state: StateStore;
  readonly logger: Logger;
  /** Takes what ends each part, in the order in which they are started. */
  readonly stops: (() => Promise<void>)[];
}

/** @throws ConfigError where the platform key cannot be used */
export async function openAccess({ config, state, logger, stops }: AccessOptions): Promise<Access> {
  const now = Date.now;
  const { warn } = logger;
  const bootstrapKey = readBootstrapKey(config);
  checkTokens(config);
  const projects = await openProjects({ state, now, warn });
  stops.push(() => projects.close());
  const keys = await openKeys({ state, now, warn });
  stops.push(() => keys.close());
  if (bootstrapKey !== undefined) await keys.bootstrap(bootstrapKey);
  const open = runsOpen(config);
  if (!open && !keys.any && config.jwtKeys === "") {
    logger.warn(
      {},
      "keys are required and there is none: set WEIR_BOOTSTRAP_KEY, or stop and run weir keys create --project default --scopes admin",
    );
  }
  // Also where they are not needed: a mistake shows now, and not when the server goes on a network.
  const tokens = tokensOf(config, projects, warn);
  const authenticator = open ? createOpenAuthenticator() : createKeyAuthenticator({ keys, now, ...tokens });
  const rates = createRates({
    now,
    perKey: limitsOfKeys(config),
    ofProject: (project) => limitsOfProject(projects.get(project)),
    burstMs: config.burstMs,
  });
  return { open, authenticator, rates, keys, projects };
}

/** @throws ConfigError where the file of the keys cannot be used */
function tokensOf(config: Config, projects: Projects, warn: Logger["warn"]): { tokens?: Tokens } {
  if (config.jwtKeys === "") return {};
  try {
    const tokens = createTokens({
      keySet: createKeySet({ location: config.jwtKeys, warn }),
      issuer: config.jwtIssuer,
      audiences: config.jwtAudience,
      projectClaim: config.jwtProjectClaim,
      scopeClaim: config.jwtScopeClaim,
      skewMs: config.jwtSkew,
      projectExists: (id) => projects.get(id) !== undefined,
      now: Date.now,
    });
    return { tokens };
  } catch (error) {
    const what = `no JWKS can be read from ${config.jwtKeys}: ${(error as Error).message}`;
    throw new ConfigError(`${nameOf(settings.jwtKeys)}: ${what}`, { cause: error });
  }
}

/** Undefined where nothing is limited. */
function limitsOfProject(project: Project | undefined): RateLimits | undefined {
  const limits = project?.settings.limits;
  return limits === undefined || Object.keys(limits).length === 0 ? undefined : limits;
}

function limitsOfKeys(config: Config): RateLimits {
  const { keyRequests, keyEvents, keyBytes, keyStreams, keyQueries } = config;
  return {
    ...(keyRequests === 0 ? {} : { requestsPerSecond: keyRequests }),
    ...(keyEvents === 0 ? {} : { eventsPerSecond: keyEvents }),
    ...(keyBytes === 0 ? {} : { bytesPerSecond: keyBytes }),
    ...(keyStreams === 0 ? {} : { streams: keyStreams }),
    ...(keyQueries === 0 ? {} : { queries: keyQueries }),
  };
}

/**
 * How long each project's rows are kept, in milliseconds.
 *
 * @returns undefined where no project has a setting of its own
 */
export function retentionByProject(
  projects: readonly Project[],
  defaultMs: number,
): ReadonlyMap<string, number> | undefined {
  if (projects.every(({ settings }) => settings.retentionDays === undefined)) return undefined;
  return new Map(
    projects.map(({ id, settings: { retentionDays } }) => {
      if (retentionDays === undefined) return [id, defaultMs];
      return [id, retentionDays === 0 ? Number.POSITIVE_INFINITY : retentionDays * dayMs];
    }),
  );
}

function runsOpen({ auth, listen }: Config): boolean {
  if (auth !== "auto") return auth === "open";
  return listen.every((address) => isLoopback(parseAddress(address)?.host ?? ""));
}
