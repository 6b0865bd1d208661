/** AdminService's methods about keys: each sees those of the caller's project alone. */
import { timestampMs } from "@bufbuild/protobuf/wkt";
import type { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import { type ApiKey, hasEnded, placeInList } from "../auth/key.ts";
import { nameOfScope, type ScopeName } from "../auth/scopes.ts";
import { Scope } from "../contract/options.ts";
import type { ServiceImplementation } from "../domain/call.ts";
import { WeirError } from "../domain/errors.ts";
import type { Principal } from "../domain/principal.ts";
import { keyMessage, limitsOf } from "./messages.ts";
import type { AdminOptions } from "./service.ts";

type Methods = Pick<
  ServiceImplementation<typeof AdminService>,
  "createApiKey" | "listApiKeys" | "revokeApiKey"
>;

export function keyMethods({ keys, projects, pages, now }: AdminOptions): Methods {
  const isHidden = (key: ApiKey) => hasEnded(key, now());
  /** @throws WeirError PERMISSION_DENIED/INSUFFICIENT_SCOPE or NOT_FOUND */
  const projectFor = async (id: string, principal: Principal): Promise<string> => {
    if (id === "" || id === principal.project) return principal.project;
    checkPlatform(principal, "make a key of another project");
    if ((await projects.find(id)) !== undefined) return id;
    throw new WeirError("NOT_FOUND", "NOT_FOUND", `there is no project ${id}`);
  };
  return {
    async createApiKey(request, { principal }) {
      if (request.scopes.includes(Scope.PLATFORM)) checkPlatform(principal, "make another one");
      const { expireTime } = request;
      const { key, secret } = await keys.create({
        name: request.name,
        project: await projectFor(request.projectId, principal),
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
      const listed = pages.cut(all, placeInList, request, context, includeEnded ? undefined : isHidden);
      return { keys: listed.page.map(keyMessage), nextPageToken: listed.nextPageToken };
    },
    async revokeApiKey({ keyId }, { principal }) {
      const { project } = principal;
      // Else whoever administers one project could shut the operator out, whose key belongs to some project too.
      if (keys.get(project, keyId)?.scopes.includes("platform"))
        checkPlatform(principal, "revoke another one");
      return { key: keyMessage(await keys.revoke(project, keyId)) };
    },
  };
}

/** @throws WeirError PERMISSION_DENIED/INSUFFICIENT_SCOPE */
function checkPlatform({ scopes }: Principal, what: string): void {
  if (scopes.has(Scope.PLATFORM)) return;
  const message = `only a key with scope platform may ${what}`;
  throw new WeirError("PERMISSION_DENIED", "INSUFFICIENT_SCOPE", message);
}
