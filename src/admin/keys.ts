/** AdminService's methods about keys: each sees those of the caller's project alone. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import type { ApiKey } from "../auth/key.ts";
import { nameOfScope, type ScopeName } from "../auth/scopes.ts";
import { Scope } from "../contract/options.ts";
import type { ServiceImplementation } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";
import { keyMessage, limitsOf } from "./messages.ts";
import type { AdminOptions } from "./service.ts";

type Methods = Pick<
  ServiceImplementation<typeof AdminService>,
  "createApiKey" | "listApiKeys" | "revokeApiKey"
>;

export function keyMethods({ keys, pages, now }: AdminOptions): Methods {
  const hasEnded = ({ revokedMs, expiresMs = Number.POSITIVE_INFINITY }: ApiKey) =>
    revokedMs !== undefined || expiresMs <= now();
  return {
    async createApiKey(request, { principal }) {
      if (request.scopes.includes(Scope.PLATFORM) && !principal.scopes.has(Scope.PLATFORM)) {
        const message = "only a key with scope platform may make another one";
        throw new WeirError("PERMISSION_DENIED", "INSUFFICIENT_SCOPE", message);
      }
      const { expireTime } = request;
      const { key, secret } = await keys.create({
        name: request.name,
        project: principal.project,
        scopes: request.scopes.map(nameOfScope).filter((name): name is ScopeName => name !== undefined),
        origins: request.allowedOrigins,
        limits: limitsOf(request.limits),
        ...(expireTime === undefined ? {} : { expiresMs: timestampMs(expireTime) }),
      });
      return { key: keyMessage(key), secret };
    },
    async listApiKeys(request, { principal: { project } }) {
      const { includeEnded } = request;
      const all = keys.list(project);
      const context = [project, "keys", includeEnded];
      const listed = pages.cut(all, ({ id }) => id, request, context, includeEnded ? undefined : hasEnded);
      return { keys: listed.page.map(keyMessage), nextPageToken: listed.nextPageToken };
    },
    async revokeApiKey({ keyId }, { principal: { project } }) {
      return { key: keyMessage(await keys.revoke(project, keyId)) };
    },
  };
}
