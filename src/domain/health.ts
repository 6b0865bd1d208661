import { HealthStatus } from "../../gen/analytics/v1/common_pb.js";

/** How a stage is, from which /health, /ready and the services' health methods are made. */
export interface StageHealth {
  /** Name of the part, such as log, store or consumer. */
  readonly name: string;
  readonly status: "healthy" | "degraded" | "unhealthy";
  /** Why it is not healthy; empty when it is. */
  readonly message: string;
  /** Nothing is wrong, but another process does what this one would: it is not to be asked. Absent where it is. */
  readonly standby?: true;
}

/** What every stage offers besides its own interface. `stats` is plain JSON: numbers, text, arrays and objects. */
export interface Stage {
  health(): StageHealth;
  stats(): Readonly<Record<string, unknown>>;
}

/** The health methods' answer: the worst of the parts, and each part. */
export function healthAnswer(parts: readonly StageHealth[]) {
  const components = parts.map(({ name, status, message }) => ({ name, status: statuses[status], message }));
  return {
    status: components.reduce((worst, part) => Math.max(worst, part.status), HealthStatus.HEALTHY),
    components,
  };
}

const statuses = {
  healthy: HealthStatus.HEALTHY,
  degraded: HealthStatus.DEGRADED,
  unhealthy: HealthStatus.UNHEALTHY,
};
