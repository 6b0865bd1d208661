/** grpc.health.v1, which Kubernetes' probes and load balancers ask. */
import { setTimeout as delay } from "node:timers/promises";
import { Health, HealthCheckResponse_ServingStatus as Status } from "../../gen/grpc/health/v1/health_pb.js";
import { bindService, type ServiceBinding } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";

export interface GrpcHealthOptions {
  /** Full names of the services served; the empty name stands for all of them. */
  readonly services: readonly string[];
  /** Those of them that other processes answer. */
  readonly elsewhere: ReadonlySet<string>;
  /** Whether calls are answered now. */
  ready(): boolean;
}

/** How long a watcher may wait for a change, in milliseconds. */
const watchMs = 500;

export function grpcHealthService({ services, elsewhere, ready }: GrpcHealthOptions): ServiceBinding {
  const known = new Set(["", ...services]);
  const status = (service: string) =>
    ready() && !elsewhere.has(service) ? Status.SERVING : Status.NOT_SERVING;
  return bindService(Health, {
    check: async ({ service }) => {
      if (known.has(service)) return { status: status(service) };
      throw new WeirError("NOT_FOUND", "NOT_FOUND", `service ${JSON.stringify(service)} is not served here`);
    },
    watch: async function* ({ service }, { signal }) {
      let last: Status | undefined;
      for (;;) {
        const now = known.has(service) ? status(service) : Status.SERVICE_UNKNOWN;
        if (now !== last) yield { status: now };
        last = now;
        await delay(watchMs, undefined, { signal, ref: false });
      }
    },
    list: async () => ({
      statuses: Object.fromEntries([...known].map((service) => [service, { status: status(service) }])),
    }),
  });
}
