import { allScopes, defaultProject, type Principal } from "../domain/principal.ts";
import type { Authenticator } from "./auth.ts";

/** Open mode: everybody may do everything in the project `default`; a key that is sent is accepted whatever it is. */
export function createOpenAuthenticator(): Authenticator {
  const principal: Principal = { project: defaultProject, scopes: allScopes };
  return { authenticate: () => principal, refusalOf: () => undefined, allowsOrigin: () => true };
}
