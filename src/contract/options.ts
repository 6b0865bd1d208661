/** What the contract's own options say, read from the descriptors. */
import { type DescField, type DescMethod, getOption, hasOption } from "@bufbuild/protobuf";
import type { RestOptions } from "../../gen/analytics/v1/options_pb.js";
import { auth, expectation, planned, rest, Scope } from "../../gen/analytics/v1/options_pb.js";
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

/** The method's REST routes, the additional ones too. */
export function httpRulesOf(method: DescMethod): readonly HttpRule[] {
  if (!hasOption(method, http)) return [];
  const rule = getOption(method, http);
  return [rule, ...rule.additionalBindings];
}
