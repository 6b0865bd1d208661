/** AdminService's methods about projects and their settings. */
import type { AdminService } from "../../gen/analytics/v1/admin_pb.js";
import type { ServiceImplementation } from "../domain/call.ts";
import { keyMessage, limitsOf, projectMessage, settingsMessage } from "./messages.ts";
import type { AdminOptions } from "./service.ts";

type Methods = Pick<
  ServiceImplementation<typeof AdminService>,
  "createProject" | "listProjects" | "getProjectSettings" | "updateProjectSettings"
>;

export function projectMethods({ keys, projects, pages }: AdminOptions): Methods {
  const settingsOf = (project: string) => settingsMessage(projects.get(project)?.settings ?? { limits: {} });
  return {
    async createProject({ projectId, displayName }) {
      const project = await projects.create(projectId, displayName || projectId);
      const { key, secret } = await keys.create({ name: "first key", project: projectId, scopes: ["admin"] });
      return { project: projectMessage(project), key: keyMessage(key), secret };
    },
    async listProjects(request) {
      const { page, nextPageToken } = pages.cut(projects.list(), ({ id }) => id, request, ["projects"]);
      return { projects: page.map(projectMessage), nextPageToken };
    },
    async getProjectSettings(_request, { principal: { project } }) {
      return { settings: settingsOf(project) };
    },
    async updateProjectSettings({ settings }, { principal: { project } }) {
      const { retentionDays, limits } = settings!;
      await projects.update(project, {
        ...(retentionDays === undefined ? {} : { retentionDays }),
        limits: limitsOf(limits),
      });
      return { settings: settingsOf(project) };
    },
  };
}
