import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import type { Keys } from "../auth/keys.ts";
import type { Projects } from "../auth/projects.ts";
import { bindService, type ServiceBinding } from "../domain/call.ts";
import { keyMethods } from "./keys.ts";
import type { Pages } from "./pages.ts";
import { projectMethods } from "./projects.ts";

export interface AdminOptions {
  readonly keys: Keys;
  readonly projects: Projects;
  readonly pages: Pages;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** AdminService: every method but those of scope platform is about the caller's project alone. */
export function createAdminService(options: AdminOptions): ServiceBinding {
  return bindService(AdminService, { ...keyMethods(options), ...projectMethods(options) });
}
