/** The projects of the installation and their settings, in memory, following what other processes change. */
import { WeirError } from "../domain/errors.ts";
import { defaultProject } from "../domain/principal.ts";
import { type RateLimits, rateLimitNames } from "../domain/rate-limits.ts";
import { followState } from "../state/followed.ts";
import type { StateStore } from "../state/state.ts";

export interface ProjectSettings {
  /** How long rows are kept by their timestamp, in days; 0: for ever. Absent: as the server's own setting says. */
  readonly retentionDays?: number;
  /** What all keys of the project together may do at a time. */
  readonly limits: RateLimits;
}

export interface Project {
  readonly id: string;
  /** For people. */
  readonly name: string;
  /** Milliseconds since 1970. */
  readonly createdMs: number;
  readonly settings: ProjectSettings;
}

export interface Projects {
  get(id: string): Project | undefined;
  /** As get, also where another process has just made it. */
  find(id: string): Promise<Project | undefined>;
  /** All of them, by id. */
  list(): readonly Project[];
  /** @throws WeirError ALREADY_EXISTS/PROJECT_EXISTS */
  create(id: string, name: string): Promise<Project>;
  /** Makes the project where it does not exist. */
  ensure(id: string): Promise<void>;
  /** Replaces the settings. */
  update(id: string, settings: ProjectSettings): Promise<void>;
  close(): Promise<void>;
}

export interface ProjectsOptions {
  readonly state: StateStore;
  /** Milliseconds since 1970. */
  readonly now: () => number;
  readonly warn: (fields: Readonly<Record<string, unknown>>, message: string) => void;
}

/** Opens them; the project `default`, to which everything belongs that was kept before there were others, is always there. */
export async function openProjects({ state, now, warn }: ProjectsOptions): Promise<Projects> {
  const prefix = "projects/";
  const followed = await followState<Project>({
    state,
    prefix,
    encode: (project) => Buffer.from(JSON.stringify(project)),
    decode: decodeProject,
    warn,
  });
  const projectOf = (id: string, name: string): Project => ({
    id,
    name,
    createdMs: now(),
    settings: { limits: {} },
  });
  // Keys are followed by themselves, and one may be known before its project is.
  const find = async (id: string): Promise<Project | undefined> => {
    const known = followed.entries.get(id);
    if (known !== undefined) return known;
    const bytes = await state.get(prefix + id);
    return bytes && decodeProject(bytes);
  };
  const projects: Projects = {
    get: (id) => followed.entries.get(id),
    find,
    list: () => [...followed.entries.values()].sort((a, b) => (a.id < b.id ? -1 : 1)),
    async create(id, name) {
      const project = projectOf(id, name);
      if (await followed.create(id, project)) return project;
      throw new WeirError("ALREADY_EXISTS", "PROJECT_EXISTS", `there is a project ${id} already`);
    },
    async ensure(id) {
      // Where another process makes it meanwhile, it comes with the next look.
      if (!followed.entries.has(id)) await followed.create(id, projectOf(id, id));
    },
    async update(id, settings) {
      const project = (await find(id)) ?? projectOf(id, id);
      await followed.put(id, { ...project, settings });
    },
    close: () => followed.close(),
  };
  await projects.ensure(defaultProject);
  return projects;
}

function decodeProject(bytes: Uint8Array): Project | undefined {
  try {
    const project = JSON.parse(Buffer.from(bytes).toString()) as Project;
    const { retentionDays = 0, limits } = project.settings;
    const numbers = [project.createdMs, retentionDays, ...rateLimitNames.map((name) => limits[name] ?? 1)];
    const texts = [project.id, project.name];
    const whole =
      texts.every((text) => typeof text === "string") && numbers.every((number) => Number.isFinite(number));
    return whole ? project : undefined;
  } catch {
    return undefined;
  }
}
