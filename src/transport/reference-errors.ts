/** The API reference's part on errors: their statuses and reasons. */
import type { JsonObject } from "@bufbuild/protobuf";
import { isObject } from "../contract/json-request.ts";
import { type ErrorReason, errorReasons } from "../domain/errors.ts";
import { reasonStatuses } from "./errors.ts";
import { prose, table, textOf } from "./reference-fields.ts";

/** @param operations of the OpenAPI document */
export function errorSection(operations: readonly JsonObject[]): string {
  const statuses = new Map(operations.flatMap((operation) => errorsOf(operation)));
  const reasons = (Object.keys(errorReasons) as ErrorReason[]).map((reason) => {
    const own = reasonStatuses[reason];
    return [`<code>${reason}</code>${own === undefined ? "" : ` (${own})`}`, prose(errorReasons[reason])];
  });
  return (
    '<h2 id="errors">Errors</h2><p>An error is JSON with <code>code</code>, <code>message</code> and ' +
    "<code>details</code>. Among the details <code>google.rpc.ErrorInfo</code> has the reason, " +
    "<code>google.rpc.BadRequest</code> names the fields, and <code>google.rpc.RetryInfo</code> says when the same " +
    "call is worth trying again.</p><h3>Statuses</h3>" +
    table([...statuses].sort().map(([status, text]) => [`<code>${status}</code>`, prose(text)])) +
    `<h3>Reasons</h3><p>With the status where it is that reason's own.</p>${table(reasons)}`
  );
}

/** A line that leads to the section. */
export function errorLine(operation: JsonObject): string {
  const statuses = errorsOf(operation).map(([status]) => status);
  return `<p>Errors: ${statuses.join(", ")}, with their <a href="#errors">reasons</a></p>`;
}

function errorsOf({ responses }: JsonObject): [status: string, description: string][] {
  return Object.entries(isObject(responses) ? responses : {})
    .filter(([status]) => /^[345]\d\d$/.test(status))
    .map(([status, response]) => [status, isObject(response) ? textOf(response.description) : ""]);
}
