/** Forms of the settings that say where log and store are, and which roles there are. */
import { type Role, roles } from "../../domain/roles.ts";
import { logForm, type Problem, parseLogUrl } from "../log-url.ts";
import { exposedPassword, parseStoreUrl, storeForm } from "../store-url.ts";
import { list, type SettingType } from "./types.ts";

/** Checked text of a URL; empty text is the default place. */
function urlType(
  form: string,
  read: (url: string) => object | Problem,
  exposed: (url: string) => string | undefined = () => undefined,
): SettingType<string> {
  function problem(url: string, isFlag: boolean): string | undefined {
    if (url === "") return undefined;
    const place = read(url);
    if ("problem" in place) return place.problem as string;
    return isFlag ? exposed(url) : undefined;
  }
  return {
    form,
    parse: (url) => (problem(url, false) === undefined ? url : undefined),
    format: (url) => url,
    problem,
  };
}

export const logUrl = urlType(logForm, parseLogUrl);
export const storeUrl = urlType(storeForm, parseStoreUrl, exposedPassword);

export const roleSet: SettingType<readonly Role[]> = {
  form: `comma-separated list of ${roles.join(", ")}, or all`,
  parse: (text) => {
    const names = list.parse(text)!;
    return roles.filter((role) => names.includes(role) || names.includes("all"));
  },
  format: (value) => (value.length === roles.length ? "all" : value.join(",")),
  problem: (text) => {
    const names = list.parse(text)!;
    if (names.length === 0) return "at least one role is needed";
    const unknown = names.find((name) => name !== "all" && !roles.some((role) => role === name));
    return unknown && `${JSON.stringify(unknown)} is none of ${roles.join(", ")}, all`;
  },
};
