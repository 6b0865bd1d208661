/** What the contract's own options say, read from the descriptors. */
import { type DescField, type DescMessage, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import type { RestOptions } from "../../gen/analytics/v1/options_pb.js";
import { auth, expectation, planned, rest, rule_fields, Scope } from "../../gen/analytics/v1/options_pb.js";
import { http } from "../../gen/google/api/annotations_pb.js";
import type { HttpRule } from "../../gen/google/api/http_pb.js";

export { Scope };

/** The scope that the caller's key needs; SCOPE_ANY where a method of another package states none. */
export function scopeOf(method: DescMethod): Scope {
  return hasOption(method, auth) ? getOption(method, auth).scope : Scope.ANY;
}

/** Whether a later version answers the method. */
export function isPlanned(method: DescMethod): boolean {
  return hasOption(method, planned) && getOption(method, planned);
}

/** What google.api.http cannot state about the method's routes; every field at its default where it states nothing. */
export function restOptionsOf(method: DescMethod): RestOptions {
  return getOption(method, rest);
}

/** What a value of the field must be, in words; empty where the contract does not say. */
export function expectationOf(field: DescField): string {
  return getOption(field, expectation);
}

/** Query parameter in which the REST routes that take text/plain take a browser key. */
export const browserKeyParameter = "key";

/** Name of the field that a rule of the message as a whole is about; undefined where the contract does not say. */
export function fieldOfRule(message: DescMessage, ruleId: string): string | undefined {
  return getOption(message, rule_fields).find(({ rule }) => rule === ruleId)?.field;
}

/** The method's REST routes, the additional ones too. */
export function httpRulesOf(method: DescMethod): readonly HttpRule[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings];
}
