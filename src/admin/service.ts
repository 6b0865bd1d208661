import { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import type { Keys } from "../auth/keys.ts";
import type { Projects } from "../auth/projects.ts";
import { bindService, type Call, type ServiceBinding } from "../domain/call.ts";
import type { DeadLetterStore, StoredDeadLetter } from "../store/dead-letters.ts";
import type { Cursors } from "./cursors.ts";
import { deadLetterMethods } from "./dead-letters.ts";
import { keyMethods } from "./keys.ts";
import type { Pages } from "./pages.ts";
import { projectMethods } from "./projects.ts";

/** Puts dead letters on the log again: ingestion's part. */
export type Replay = (
  letters: readonly Replayable[],
  sender: Pick<Call, "requestId" | "deadline" | "signal"> & { readonly project: string },
) => Promise<{ readonly replayed: number; readonly visibilityToken: string }>;

export interface Replayable extends StoredDeadLetter {
  readonly userId: string;
}

export interface AdminOptions {
  readonly keys: Keys;
  readonly projects: Projects;
  readonly pages: Pages;
  readonly cursors: Cursors;
  readonly deadLetters: DeadLetterStore;
  readonly replay: Replay;
  /** Milliseconds since 1970. */
  readonly now: () => number;
}

/** AdminService: every method but those of scope platform is about the caller's project alone. */
export function createAdminService(options: AdminOptions): ServiceBinding {
  return bindService(AdminService, {
    ...keyMethods(options),
    ...projectMethods(options),
    ...deadLetterMethods(options),
  });
}
