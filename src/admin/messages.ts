/** Keys, projects and limits as messages of the contract, and back. */
import type { MessageInitShape } from "@bufbuild/protobuf";
import { timestampFromMs } from "@bufbuild/protobuf/wkt";
import type {
  ApiKeySchema,
  ProjectSchema,
  ProjectSettingsSchema,
  RateLimits as RateLimitsMessage,
  RateLimitsSchema,
} from "../../gen/analytics/v1/admin_pb.js";
import type { ApiKey } from "../auth/key.ts";
import type { Project, ProjectSettings } from "../auth/projects.ts";
import { scopeOfName } from "../auth/scopes.ts";
import type { RateLimits } from "../domain/rate-limits.ts";

export function keyMessage(key: ApiKey): MessageInitShape<typeof ApiKeySchema> {
  return {
    keyId: key.id,
    name: key.name,
    projectId: key.project,
    prefix: key.prefix,
    scopes: key.scopes.map(scopeOfName),
    allowedOrigins: [...key.origins],
    ...limitsMessage(key.limits),
    createTime: timestampFromMs(key.createdMs),
    ...(key.expiresMs === undefined ? {} : { expireTime: timestampFromMs(key.expiresMs) }),
    ...(key.revokedMs === undefined ? {} : { revokeTime: timestampFromMs(key.revokedMs) }),
  };
}

export function projectMessage({ id, name, createdMs }: Project): MessageInitShape<typeof ProjectSchema> {
  return { projectId: id, displayName: name, createTime: timestampFromMs(createdMs) };
}

export function settingsMessage(settings: ProjectSettings): MessageInitShape<typeof ProjectSettingsSchema> {
  const { retentionDays, limits } = settings;
  return { ...(retentionDays === undefined ? {} : { retentionDays }), ...limitsMessage(limits) };
}

/** Absent where nothing is limited. */
function limitsMessage(limits: RateLimits): { limits?: MessageInitShape<typeof RateLimitsSchema> } {
  if (Object.keys(limits).length === 0) return {};
  const { requestsPerSecond, eventsPerSecond, bytesPerSecond, streams, queries } = limits;
  return {
    limits: {
      ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
      ...(eventsPerSecond === undefined ? {} : { eventsPerSecond }),
      ...(bytesPerSecond === undefined ? {} : { bytesPerSecond: BigInt(bytesPerSecond) }),
      ...(streams === undefined ? {} : { concurrentStreams: streams }),
      ...(queries === undefined ? {} : { concurrentQueries: queries }),
    },
  };
}

export function limitsOf(message: RateLimitsMessage | undefined): RateLimits {
  const { requestsPerSecond, eventsPerSecond, bytesPerSecond, concurrentStreams, concurrentQueries } =
    message ?? {};
  return {
    ...(requestsPerSecond === undefined ? {} : { requestsPerSecond }),
    ...(eventsPerSecond === undefined ? {} : { eventsPerSecond }),
    ...(bytesPerSecond === undefined ? {} : { bytesPerSecond: Number(bytesPerSecond) }),
    ...(concurrentStreams === undefined ? {} : { streams: concurrentStreams }),
    ...(concurrentQueries === undefined ? {} : { queries: concurrentQueries }),
  };
}
